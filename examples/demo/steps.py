"""The demo's steps: announced, timed, and when one fails, a sentence that says what to do."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager


class StepError(Exception):
    """A step failed; the message says what happened and what to do."""


class CheckError(Exception):
    """What a step saw is not what it must be."""


class Steps:
    """Runs steps and remembers how long each took.

    Attributes:
        seconds: wall-clock seconds by the step's name, in the order of the run.
    """

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def step(self, name: str, title: str, advice: str) -> Iterator[None]:
        """Announce and time what happens in the ``with`` block.

        Args:
            name: the step's name in ``seconds``.
            title: what it does, for the reader.
            advice: what to do when it fails, one sentence.

        Raises:
            StepError: any error of the block, as a sentence with the advice.
        """
        print(f"\n==> {title}", flush=True)
        started = time.monotonic()
        try:
            yield
        except Exception as error:
            reason = str(error).strip() or type(error).__name__
            raise StepError(f"The step {name} failed: {reason.rstrip('.')}. {advice}") from error
        finally:
            self.seconds[name] = round(time.monotonic() - started, 1)
