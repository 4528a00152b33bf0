"""Answers of AWS that are a moment old."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

_LATE_SECONDS = 3.0
_PAUSE_SECONDS = 0.25

_Answer = TypeVar("_Answer")


def known_late(ask: Callable[[], _Answer]) -> _Answer:
    """Ask until there is something in the answer, or for a moment.

    What another call has just written may not be in an answer yet: a secret that CloudFormation
    made, a version that RotateSecret staged.

    Args:
        ask: what is asked; an answer that is empty or None is asked for again.
    Returns:
        The last answer.

    Source: Secrets Manager API reference, ListSecrets: all operations are eventually consistent.
    """
    end = time.monotonic() + _LATE_SECONDS
    while not (answer := ask()) and time.monotonic() < end:
        time.sleep(_PAUSE_SECONDS)
    return answer
