"""The one exception of the collection's plugins, and what its messages share."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class StackError(Exception):
    """What a user must know: one sentence what happened, one what to do. Never holds a secret."""


def nearest(name: str, known: Iterable[str], cutoff: float = 0.5) -> str | None:
    """Return the known name that is closest to a wrong one, if one is close (cutoff of 1)."""
    close = difflib.get_close_matches(name, list(known), n=1, cutoff=cutoff)
    return close[0] if close else None


def suggestion(name: str, known: Iterable[str]) -> str:
    """Return a sentence with the known name that is closest to a wrong one, or with all of them."""
    names = list(known)
    close = nearest(name, names)
    return f"Did you mean {close}?" if close else f"It has: {', '.join(names) or 'none'}."
