"""The numbers that rules may have, and which one a rule gets. No calls.

The numbers are dealt in bands, one for each degree of exactness, so that a later rule that is more
exact finds a place before a less exact one, and nobody's rule has to be moved: CloudFormation would
not know, and put it back. A load balancer has 100 target groups, which is not adjustable, and so
about that many rules of ours. Where something is in the way (a rule that a person made), the
nearest number that keeps the order is taken.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from custom_resources.listener_priority.conditions import Key
from custom_resources.listener_priority.rules import Rule, Wish
from custom_resources.shared.failure import Failure

# Priorities of a rule: 1 to 50000 (Elastic Load Balancing API reference, CreateRule).
LOWEST, HIGHEST = 1, 50_000
# A pattern has at most 128 characters (Elastic Load Balancing user guide, "Condition types"); most
# are shorter than half of that, and get most of the numbers.
_LONGEST, _SHORT = 128, 64
_MOST_CONDITIONS = 5
# From the most exact rule on: exact host with a path, by the path's length; without a path, by the
# number of conditions; wildcard, by its length; no host.
_WITH_PATH, _PLAIN, _WILDCARDS = 20_000, 7_000, 21_000
# Multiples of the first are dealt first, then of the next: what is between two rules, or right
# before one, is left for what has to be there.
_STEPS = (8, 4, 2, 1)
_SPREAD = 16
_ASIDE = 64


@dataclass(frozen=True)
class Room:
    """The numbers that keep the order.

    Args:
        after: the rule that comes before it, if one has to.
        until: the rule that comes after it, if one has to.
        takes_over: whether it is to be right before `until`.
        keeps: the number that the rule keeps; 0 for none.
    """

    after: Rule | None
    until: Rule | None
    takes_over: bool = False
    keeps: int = 0

    def has(self, number: int) -> bool:
        """Whether the number keeps the order."""
        return self._low < number < self._high

    def numbers(self, anchor: int) -> Iterator[int]:
        """The numbers of the room, the nearest to the anchor first; one may come more than once."""
        low, high = self._low + 1, self._high - 1
        if self.takes_over:
            yield from range(high, low - 1, -1)
            return
        # Where its band isn't in the room, others of that band may yet have to come in between.
        aside = min((high - low) // 2, _ASIDE)
        if not low <= anchor <= high:
            anchor = low + aside if anchor < low else high - aside
        for step in _STEPS:
            nearest = anchor - anchor % step
            for distance in range(0, HIGHEST, step):
                for number in dict.fromkeys((nearest + distance, nearest - distance)):
                    if low <= number <= high:
                        yield number

    @property
    def _low(self) -> int:
        return self.after.number if self.after else LOWEST - 1

    @property
    def _high(self) -> int:
        return self.until.number if self.until else HIGHEST + 1


def choose(wish: Wish, within: Room, taken: Collection[int], attempt: int) -> int:
    """A free number within a room: one of the nearest to the middle of the rule's band. Who takes
    over gets the one right before the other's, if it loses no race; who has the requests of a name
    that another has too keeps its own.

    Deployments that begin together all want the same one; by spreading out, and wider after each
    lost race, fifty of them are done in two or three rounds instead of fifty.

    Args:
        wish: the rule.
        within: where it may stand.
        taken: numbers that are reserved or that a rule has.
        attempt: races lost so far.
    Raises:
        Failure: the room has no free number.
    """
    if within.keeps:
        return within.keeps
    spread = 1 if within.takes_over else _SPREAD
    free = (it for it in within.numbers(anchor(wish.conditions.exactness)) if it not in taken)
    candidates = list(dict.fromkeys(itertools.islice(free, 4**attempt * spread)))
    if not candidates:
        raise _no_place(wish, within)
    return random.choice(candidates)  # noqa: S311 - not a secret


def anchor(exactness: Key) -> int:
    """The number in the middle of the band for rules that are so exact."""
    host, path, conditions, *_ = exactness
    length = min(-int(path[1]), _LONGEST) if path[0] == 0 else 0
    fewer = _MOST_CONDITIONS - min(-int(conditions), _MOST_CONDITIONS)
    if host[0] == 0 and length:
        return LOWEST + _offset(length, _WITH_PATH) + fewer * _STEPS[0]
    start, width = LOWEST + _WITH_PATH, _PLAIN
    if host[0] == 0:
        part = width // _MOST_CONDITIONS
        return start + fewer * part + part // 2
    start, width = start + width, _WILDCARDS
    if host[0] == 1:
        letters = min(-int(host[1]), _LONGEST)
        start += _offset(letters, width)
        width = _offset(letters - 1, _WILDCARDS) - _offset(letters, _WILDCARDS)
    else:
        start, width = start + width, HIGHEST - LOWEST - start - width
    if not length:  # they have the last third, and begin in its middle
        return start + width * 5 // 6
    return start + _offset(length, width * 2 // 3)


def _offset(length: int, width: int) -> int:
    """Where a length begins in a span of numbers, the longest at its beginning."""
    if length > _SHORT:
        return width * (_LONGEST - length) // (6 * (_LONGEST - _SHORT))
    return width // 6 + width * 5 * (_SHORT - length) // (6 * _SHORT)


def _no_place(wish: Wish, within: Room) -> Failure:
    ends = [(word, it) for word, it in (("after", within.after), ("before", within.until)) if it]
    place = " and ".join(f"{word} {rule}" for word, rule in ends)
    remedies = {
        "Deploy that stack again, so that its rule gets a number of its band."
        if rule.stack_id
        else f"Quayside moves no rule of a person: give number {rule.number} another number, or "
        "limit or delete it until this is deployed (docs/templates.md, Maintenance)."
        for _, rule in ends
    }
    return Failure(
        f"No number is free for {wish.conditions}, which has to come {place or 'somewhere'}.",
        " ".join(sorted(remedies)) or "Delete rules of the listener.",
    )
