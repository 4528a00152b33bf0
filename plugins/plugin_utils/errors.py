"""The one exception of the collection's plugins, and what its messages share."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class StackError(Exception):
    """What a user must know: one sentence what happened, one what to do. Never holds a secret."""


def suggestion(name: str, known: Iterable[str]) -> str:
    """Return a sentence with the known name that is closest to a wrong one, or with all of them."""
    names = list(known)
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    return f"Did you mean {close[0]}?" if close else f"It has: {', '.join(names) or 'none'}."
