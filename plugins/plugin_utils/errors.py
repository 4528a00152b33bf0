"""The one exception of the collection's plugins."""

from __future__ import annotations


class StackError(Exception):
    """What a user must know: one sentence what happened, one what to do. Never holds a secret."""
