"""The time that a task has, and the pace of its polls."""

from __future__ import annotations

import time
from collections.abc import Callable

from ansible_collections.quayside.fargate.plugins.plugin_utils.errors import StackError
from ansible_collections.quayside.fargate.plugins.plugin_utils.parent import refuse_orphan


class Clock:
    """Counts the seconds of one task and paces its polls: 0.2 s at first, 3 s in the end.

    Args:
        timeout: seconds that the task has.
        told: is told at each pause what is waited for.
    """

    def __init__(self, timeout: float, told: Callable[[str], None] = lambda _: None) -> None:
        self._timeout = timeout
        self._told = told
        self._start = time.monotonic()
        self.hurry()

    @property
    def elapsed(self) -> float:
        """Seconds since the task began."""
        return time.monotonic() - self._start

    def hurry(self) -> None:
        """Poll quickly again, because something moves."""
        self._interval = 0.2

    def pause(self, state: str, shown: str = "", *, said: bool = False) -> None:
        """Sleep until the next poll.

        Args:
            state: what is waited for, as a sentence without full stop.
            shown: the same in a few words.
            said: whether it was told until when, so that nothing more has to be.

        Raises: StackError with that sentence when the task's time is over, and when nobody waits
            for its end any more.
        """
        refuse_orphan()
        if self.elapsed + self._interval > self._timeout:
            raise StackError(
                f"{state} after {self._timeout:g} s, the limit of option timeout. It is left as it "
                "is and goes on; run the playbook again to wait for it."
            )
        if not said:
            self._told(f"{self.elapsed:7.1f} s  {shown or state}")
        time.sleep(self._interval)
        self._interval = min(self._interval * 1.4, 3.0)
