"""The functions rotate and activate, killed in the middle of a step when the benchmark says so.

This file lies in the benchmark's zips beside the functions' own code, and holds their handlers. A
step asks for its own end by a file of its name in the folder INTERRUPTIONS: before its n-th call to
AWS or login to PostgreSQL, as the file says, and at the latest before it answers. Each death is
written down in the file `killed`.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

from botocore.client import BaseClient

FOLDER = Path(os.environ["INTERRUPTIONS"])


class _Death:
    """When the process dies; never, unless it is told to."""

    def __init__(self) -> None:
        self.step = ""
        self._calls = 0

    def expect(self, step: str) -> None:
        """Look whether a step is to be killed."""
        self.step = ""
        wanted = FOLDER / step
        if wanted.exists():
            self.step, self._calls = step, int(wanted.read_text())
            wanted.unlink()

    def come_nearer(self) -> None:
        """One call more."""
        self._calls -= 1
        if self.step and self._calls == 0:
            self.come()

    def come(self) -> None:
        """Write it down, and die."""
        with (FOLDER / "killed").open("a") as ledger:
            ledger.write(f"{self.step}\n")
        os.kill(os.getpid(), signal.SIGKILL)


_death = _Death()


def rotate(event: dict[str, Any], context: object) -> None:
    """Do one step of a rotation, or die in it."""
    from custom_resources.rotation.rotate import function

    _perhaps(event["Step"], lambda: function.handler(event, context))


def activate(event: dict[str, Any], context: object) -> Any:
    """Take a message about a rotated user, or die over it."""
    from custom_resources.rotation.activate import function

    step = "activate" if '"ROTATED"' in str(event) else "other"
    return _perhaps(step, lambda: function.handler(event, context))


def _perhaps(step: str, work: Callable[[], Any]) -> Any:
    _death.expect(step)
    answer = work()
    if _death.step:
        _death.come()
    return answer


def _counted(call: Callable[..., Any]) -> Callable[..., Any]:
    def counted(*arguments: Any, **options: Any) -> Any:
        _death.come_nearer()
        return call(*arguments, **options)

    return counted


BaseClient._make_api_call = _counted(BaseClient._make_api_call)
try:
    import psycopg2
except ImportError:  # activate needs no database
    pass
else:
    psycopg2.connect = _counted(psycopg2.connect)
