"""What is asked of a rule, and between which others it may stand. No calls."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from custom_resources.listener_priority.conditions import Conditions
from custom_resources.listener_priority.numbers import Room
from custom_resources.listener_priority.rules import CollisionError, Rule, Wish
from custom_resources.shared.failure import Failure
from custom_resources.shared.properties import Properties


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


def room(wish: Wish, rules: Iterable[Rule]) -> Room:
    """Where a rule may stand among the others.

    Args:
        wish: the rule.
        rules: all others of the listener.
    Raises:
        CollisionError: another rule has some of its requests, and isn't taken over.
        Failure: a stack wants to take over before it has tasks that answer.
    """
    known = [rule for rule in rules if rule.conditions is not None]
    colliding = [rule for rule in known if wish.conditions.collides(_of(rule))]
    # A host name that goes from the one rule of a stack to the other, as to its redirect: the new
    # one comes first, and the old one gives the name up afterwards.
    ours = [rule for rule in colliding if rule.stack and rule.stack == wish.stack]
    same = [rule for rule in colliding if rule not in ours]
    before: list[Rule] = []
    after = [*ours]
    for rule in known:
        if _matters(wish, rule):
            first = _of(rule).exactness < wish.conditions.exactness
            (before if first else after).append(rule)
    takes_over = False
    keeps = 0
    for choice, having in _held(wish, same):
        front = having[0]
        if front.stack and front.stack == wish.takes_over:
            _refuse_without_tasks(wish, front)
            takes_over = True
            after += having
        elif 0 < (number := _number(wish, choice)) < front.number:
            keeps = min(keeps or number, number)
            after += having
        else:
            before += _takers(wish, choice, having)
    found = Room(
        max(before, key=lambda rule: rule.number, default=None),
        min(after, key=lambda rule: rule.number, default=None),
        takes_over,
    )
    # Versions of before dealt the lowest numbers one after the other: there is no other in front.
    return replace(found, keeps=0 if takes_over or not found.has(keeps) else keeps)


def _held(wish: Wish, same: Iterable[Rule]) -> list[tuple[Conditions, list[Rule]]]:
    """Each choice of the wish that others have, with those rules: the first one has its requests.

    Rules of several host names may have nothing to do with each other but the wish.
    """
    in_order = sorted(same, key=lambda rule: rule.number)
    held = {
        choice: [rule for rule in in_order if choice in _of(rule).choices]
        for choice in wish.conditions.choices
    }
    return sorted(
        ((choice, having) for choice, having in held.items() if having),
        key=lambda it: (it[1][0].number, it[0].text),
    )


def _number(wish: Wish, choice: Conditions) -> int:
    """The number of the stack's own rule that answers such requests, 0 for none."""
    own = (number for number, had in wish.answering.items() if choice in had.choices)
    return min(own, default=0)


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


def _takers(wish: Wish, choice: Conditions, having: Sequence[Rule]) -> list[Rule]:
    """The rules that took a choice over from this stack: it keeps what it had, behind them."""
    had = any(choice in conditions.choices for conditions in wish.before)
    takers = [rule for rule in having if rule.takes_over == wish.stack]
    if takers and had:
        return takers
    front = having[0]
    remedy = "Take other conditions (another host name), or delete that rule."
    if front.stack_id:
        remedy = (
            "Take another host name. To take this one over from that service, name it "
            "(TakesOver; in the role service_takes_over)."
        )
        if wish.takes_over:
            remedy = (
                f"Take another host name: a deployment takes over from one service, this one from "
                f"{wish.takes_over}."
            )
    raise CollisionError(front, f"{choice} is taken: {front} has it.", remedy)


def _refuse_without_tasks(wish: Wish, front: Rule) -> None:
    if not wish.runs:
        raise Failure(
            f"{wish.conditions} would come to this service before it has tasks that answer, and "
            f"leave {front}.",
            "First deploy the service under a host name of its own, then with this one and "
            "TakesOver.",
        )
