"""How long ago something was, by a clock that tests can move."""

from __future__ import annotations

import time

_jumps: list[tuple[float, float]] = []  # when, and by how many seconds


def jump(seconds: float) -> None:
    """Let so many seconds go by at once."""
    _jumps.append((time.time(), seconds))


def since(moment: float) -> float:
    """Return the seconds since `moment` of time.time(), with those that were jumped over."""
    return time.time() - moment + sum(seconds for when, seconds in _jumps if when >= moment)
