"""Patterns of Elastic Load Balancing: ``*`` stands for any characters, ``?`` for one. No calls.

Source: Elastic Load Balancing user guide, "Condition types for listener rules".
"""

from __future__ import annotations

from functools import lru_cache

WILDCARDS = "*?"
_REMEMBERED = 50_000  # answers; a pair of long patterns needs some thousands


def is_exact(pattern: str) -> bool:
    """Whether it has no wildcard."""
    return not any(wildcard in pattern for wildcard in WILDCARDS)


def exactness(pattern: str) -> tuple[int, int, int]:
    """A key that sorts the more exact pattern before any that matches all that it matches.

    The longer text that must be there comes first, then more letters of it, then fewer ``*``.
    """
    length = len(pattern) - pattern.count("*")
    return (-length, pattern.count("?"), pattern.count("*"))


@lru_cache(_REMEMBERED)
def covers(wide: str, narrow: str) -> bool:
    """Whether ``wide`` matches all that ``narrow`` matches, as far as it shows letter by letter."""
    if not wide or not narrow:
        return wide.strip("*") == narrow
    if wide[0] == "*":
        return covers(wide[1:], narrow) or covers(wide, narrow[1:])
    same = wide[0] == narrow[0] or (wide[0] == "?" and narrow[0] != "*")
    return same and covers(wide[1:], narrow[1:])


@lru_cache(_REMEMBERED)
def meet(one: str, other: str) -> bool:
    """Whether some text matches both."""
    if is_exact(one) and is_exact(other):
        return one == other
    if not one or not other:
        return not (one + other).strip("*")
    if one[0] == "*":
        return meet(one[1:], other) or meet(one, other[1:])
    if other[0] == "*":
        return meet(other, one)
    same = one[0] == other[0] or "?" in (one[0], other[0])
    return same and meet(one[1:], other[1:])
