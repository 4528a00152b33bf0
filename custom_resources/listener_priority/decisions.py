"""Which number a rule gets. No calls.

The numbers are dealt in bands, one for each degree of exactness, so that a later rule that is more
exact finds a place before a less exact one, and nobody's rule has to be moved: CloudFormation would
not know, and put it back. A load balancer has 100 target groups, which is not adjustable, and so
about that many rules of ours. Where something is in the way (a rule that a person made), the
nearest number that keeps the order is taken.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from custom_resources.listener_priority.conditions import Conditions, Key
from custom_resources.shared import stacks
from custom_resources.shared.failure import Failure
from custom_resources.shared.properties import Properties

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
class ListenerPriorityProperties:
    """Properties of Custom::ListenerPriority.

    Args:
        listener_arn: ARN of the Application Load Balancer's listener.
        conditions: the rule's; None in templates of before they were a property.
        takes_over: name of the stack whose rule of the same conditions is to come after this one's;
            empty for none.
    """

    listener_arn: str
    conditions: Conditions | None
    takes_over: str

    @classmethod
    def of(cls, given: Mapping[str, object]) -> ListenerPriorityProperties:
        """Check the properties.

        Args:
            given: `ResourceProperties` as CloudFormation sends them.
        Raises:
            Failure: naming the property that is wrong.
        """
        properties = Properties(given, ["ListenerArn", "Conditions", "TakesOver"])
        return cls(
            properties.text(
                "ListenerArn",
                pattern=r"arn:[a-z-]+:elasticloadbalancing:[a-z0-9-]+:\d{12}:listener/app/\S{1,200}",
                form="the ARN of a listener of an Application Load Balancer",
            ),
            Conditions.of(given["Conditions"]) if "Conditions" in given else None,
            properties.text(
                "TakesOver",
                pattern=r"[A-Za-z][A-Za-z0-9-]{0,127}",
                form="the name of a stack, or empty",
                default="",
            ),
        )


@dataclass(frozen=True)
class Rule:
    """A rule of the listener, or one to come.

    Args:
        number: its priority.
        conditions: None if they aren't known, or nothing that can be compared.
        stack_id: of the stack that it belongs to; empty for a rule that Quayside didn't make.
        takes_over: name of the stack that it took over from.
        shown: where its requests go, for a rule that Quayside didn't make.
    """

    number: int
    conditions: Conditions | None
    stack_id: str = ""
    takes_over: str = ""
    shown: str = ""

    @property
    def stack(self) -> str:
        """The stack's name."""
        return stacks.name(self.stack_id) if self.stack_id else ""

    def __str__(self) -> str:
        """The rule in words."""
        owner = f"the stack {self.stack}" if self.stack_id else "a rule that Quayside didn't make"
        return f"{owner} (number {self.number}{', ' + self.shown if self.shown else ''})"


class CollisionError(Failure):
    """Another rule has the same conditions.

    Args:
        with_rule: which one.
        happened: see `Failure`.
        remedy: see `Failure`.
    """

    def __init__(self, with_rule: Rule, happened: str, remedy: str) -> None:
        super().__init__(happened, remedy)
        self.with_rule = with_rule


@dataclass(frozen=True)
class Wish:
    """A rule that wants a number.

    Args:
        conditions: the rule's.
        stack: name of its stack.
        takes_over: name of the stack whose rule comes after this one's.
        runs: whether the stack has its rule already, and so tasks that answer.
        before: conditions of the stack's own rule until now.
        number: of the stack's own rule that has all requests of these conditions unless a rule in
            front has them; 0 for none.
    """

    conditions: Conditions
    stack: str
    takes_over: str = ""
    runs: bool = False
    before: Sequence[Conditions] = ()
    number: int = 0


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


def room(wish: Wish, rules: Iterable[Rule]) -> Room:
    """Where a rule may stand among the others.

    Args:
        wish: the rule.
        rules: all others of the listener.
    Raises:
        CollisionError: another rule has the same conditions, and isn't taken over.
        Failure: a stack wants to take over before it has tasks that answer.
    """
    known = [rule for rule in rules if rule.conditions is not None]
    same = [rule for rule in known if wish.conditions.collides(_of(rule))]
    before: list[Rule] = []
    after: list[Rule] = []
    for rule in known:
        if _matters(wish, rule):
            first = _of(rule).exactness < wish.conditions.exactness
            (before if first else after).append(rule)
    takes_over = has_requests = False
    if same:
        front = min(same, key=lambda rule: rule.number)
        takes_over = bool(front.stack) and front.stack == wish.takes_over
        has_requests = 0 < wish.number < front.number
        if takes_over:
            _refuse_without_tasks(wish, front)
        if takes_over or has_requests:
            after += same
        else:
            before += _takers(wish, same, front)
    found = Room(
        max(before, key=lambda rule: rule.number, default=None),
        min(after, key=lambda rule: rule.number, default=None),
        takes_over,
    )
    # Versions of before dealt the lowest numbers one after the other: there is no other in front.
    keeps = has_requests and not takes_over and found.has(wish.number)
    return replace(found, keeps=wish.number if keeps else 0)


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


def _of(rule: Rule) -> Conditions:
    if rule.conditions is None:
        raise ValueError("conditions that nobody knows")
    return rule.conditions


def _matters(wish: Wish, rule: Rule) -> bool:
    """Whether the order of two rules that differ matters.

    Of our own it does wherever a request may fit both. A person's rule may stand before or between
    ours, but takes nothing whole, and isn't taken whole.
    """
    mine, theirs = wish.conditions, _of(rule)
    if mine.collides(theirs):
        return False
    if rule.stack_id:
        return mine.overlaps(theirs)
    first, second = sorted((mine, theirs), key=lambda each: each.exactness)
    return second.covers(first)


def _takers(wish: Wish, same: Sequence[Rule], front: Rule) -> list[Rule]:
    """The rules that took over from this stack: it keeps what it had, behind them."""
    had = any(conditions.collides(_of(rule)) for conditions in wish.before for rule in same)
    takers = [rule for rule in same if rule.takes_over == wish.stack]
    if takers and had:
        return takers
    remedy = "Take other conditions (another host name), or delete that rule."
    if front.stack_id:
        remedy = (
            "Take another host name. To take this one over from that service, name it "
            "(TakesOver; in the role service_takes_over)."
        )
    raise CollisionError(front, f"{wish.conditions} is taken: {front} has it.", remedy)


def _refuse_without_tasks(wish: Wish, front: Rule) -> None:
    if not wish.runs:
        raise Failure(
            f"{wish.conditions} would come to this service before it has tasks that answer, and "
            f"leave {front}.",
            "First deploy the service under a host name of its own, then with this one and "
            "TakesOver.",
        )


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
