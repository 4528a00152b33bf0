"""What a task prints while it runs: everything goes through here."""

from __future__ import annotations

import time
from collections.abc import Callable

from ansible_collections.quayside.fargate.plugins.plugin_utils.clock import Clock

Write = Callable[[str, str | None], None]

# In a log, what is waited for is told after so many seconds without a line.
SILENCE_SECONDS = 30.0
_WIDTH = 120  # characters of a line in a log


class Progress:
    """The lines of one task.

    Args:
        write: prints a line in a colour, at once, without what nobody may see.
        verbose: whether details show (-v).
        overwrite: prints in place of the last line that it printed; None where there is no
            terminal. What it printed isn't part of a log.
        width: characters that a line has.

    Attributes:
        verbose: as given.
        width: as given.
    """

    def __init__(
        self,
        write: Write,
        *,
        verbose: bool = False,
        overwrite: Callable[[str], None] | None = None,
        width: int = _WIDTH,
    ) -> None:
        self._write = write
        self._overwrite = overwrite
        self.verbose = verbose
        self.width = width
        self._told = time.monotonic()
        self._stands = False  # a line that the next one replaces

    def say(self, text: str, colour: str | None = None) -> None:
        """Print a line that everybody sees.

        Args:
            text: the line.
            colour: as Ansible names it, None for the terminal's own.
        """
        self.clear()
        self._write(text, colour)
        self._told = time.monotonic()

    def detail(self, text: str, colour: str | None = None) -> None:
        """Print a line that shows with -v only; arguments as `say`."""
        if self.verbose:
            self.say(text, colour)

    def waits(self, text: str) -> None:
        """Tell what is waited for: in place on a terminal, now and then in a log."""
        if self._overwrite:
            self._overwrite(text[: self.width])
            self._stands = True
        elif time.monotonic() - self._told >= SILENCE_SECONDS:
            self.say(text)

    def clear(self) -> None:
        """Take away what was printed in place."""
        if self._overwrite and self._stands:
            self._overwrite("")
            self._stands = False


class Voice:
    """Tells of one thing: each line begins with the task's seconds and the thing's name.

    Args:
        progress: prints it.
        clock: the time that the task has.
        name: of the thing.
    """

    def __init__(self, progress: Progress, clock: Clock, name: str) -> None:
        self._progress = progress
        self._clock = clock
        self._name = name

    def say(self, text: str, colour: str | None = None) -> None:
        """Print a line that everybody sees; arguments as those of `Progress.say`."""
        self._progress.say(self._line(text), colour)

    def detail(self, text: str, colour: str | None = None) -> None:
        """Print a line that shows with -v only; arguments as `say`."""
        self._progress.detail(self._line(text), colour)

    @property
    def room(self) -> int:
        """Characters that are left of a line."""
        return self._progress.width - len(self._line(""))

    def _line(self, text: str) -> str:
        return f"{self._clock.elapsed:7.1f} s  {self._name}: {text}"
