"""Reserving a priority: reads, decides, writes, looks once more, and starts over when another one
was faster."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from custom_resources.contract.stacks import name_of
from custom_resources.listener_priority import listener
from custom_resources.listener_priority.decisions import room
from custom_resources.listener_priority.numbers import choose
from custom_resources.listener_priority.reservations import (
    Owner,
    Purpose,
    Reservation,
    Reservations,
)
from custom_resources.listener_priority.rules import CollisionError, Rule, Wish
from custom_resources.shared import log, stacks
from custom_resources.shared.failure import Failure

# With the candidates growing fourfold, two hundred rivals need four rounds.
_ATTEMPTS = 12
_LONGEST_PAUSE_SECONDS = 0.2


@dataclass(frozen=True)
class Allocation:
    """Reserves priorities of one listener.

    Args:
        reservations: of the listener.
        elbv2: boto3 client.
        cloudformation: boto3 client.
        before_change: called before every call that changes something.
    """

    reservations: Reservations
    elbv2: Any
    cloudformation: Any
    before_change: Callable[[], None] = lambda: None

    def reserve(self, owner: Owner, purpose: Purpose, *, rule_exists: bool) -> int:
        """The owner's priority for a purpose: the one it has, or one that keeps the order.

        Three calls beyond the pages of rules, and three more for every race that is lost. Two that
        reserve at the same moment may not see each other; so each looks again after it has
        written, and gives its number back if the two don't go together. The later one sees the
        other for sure; if both do, at most one of them then finds the other's and is refused.

        Args:
            owner: the stack and its resource.
            purpose: its rule's conditions, and whom it takes over from.
            rule_exists: whether the stack may have its rule by now; on Create it can't.
        Raises:
            Failure: another rule has the conditions, no number keeps the order, the listener is
                full, or has too many deployments at once.
            ClientError: a call was refused.
        """
        rules = listener.rules(self.elbv2, self.reservations.listener_arn)
        for attempt in range(_ATTEMPTS):
            reserved = self.reservations.all()
            mine = [each for each in reserved if each.owner == owner]
            found = next((each for each in mine if each.digest == purpose.digest), None)
            if found:
                if found.priority in rules and not rule_exists:
                    raise self._foreign_rule(found.priority)
                return found.priority
            wish = _wish(owner, purpose, mine, rules, rule_exists=rule_exists)
            try:
                within = room(wish, _others(owner, reserved, rules))
            except CollisionError as collision:
                if self._reclaims(collision.with_rule, reserved, rules):
                    continue
                raise
            taken = set(rules) | {each.priority for each in reserved}
            if not rule_exists and len(taken) >= listener.DEFAULT_RULE_QUOTA:
                taken -= self._reclaimed(reserved, rules)
            priority = choose(wish, within, taken, attempt)
            self.before_change()
            again = any(each.priority == priority for each in mine)
            reservation = self.reservations.reserve(owner, priority, purpose, again=again)
            if reservation and self._stands(reservation, wish, rules):
                log.info("reserved", priority=priority, attempts=attempt + 1)
                return priority
            time.sleep(random.uniform(0, _LONGEST_PAUSE_SECONDS))  # noqa: S311 - not a secret
        raise Failure(
            f"Others took every priority of {self.reservations.listener_arn} that was tried, "
            f"{_ATTEMPTS} times.",
            "Deploy again.",
        )

    def release(self, owner: Owner, digest: str) -> None:
        """Give the owner's priority of a purpose back, if it has one.

        Raises:
            ClientError: a call was refused.
        """
        reservation = self.reservations.of(owner, digest)
        if reservation:
            self.reservations.release(reservation)

    def _stands(self, mine: Reservation, wish: Wish, rules: Mapping[int, Rule]) -> bool:
        """Look again: whether nothing came meanwhile that the reservation doesn't go with."""
        others = _others(mine.owner, self.reservations.all(), rules)
        try:
            stands = room(wish, others).has(mine.priority)
        except CollisionError:
            stands = False
        if not stands:
            self.reservations.release(mine)
        return stands

    def _reclaims(
        self, rule: Rule, reserved: Sequence[Reservation], rules: Collection[int]
    ) -> bool:
        """Release the reservation of a rule, if nothing uses it any more."""
        using = _using(reserved, rules)
        if rule.number in rules:
            return False
        unused = (each for each in reserved if each.priority == rule.number)
        return any(
            self._is_left(each, using) and self.reservations.release(each) for each in unused
        )

    def _reclaimed(self, reserved: Sequence[Reservation], rules: Collection[int]) -> set[int]:
        """Make room on a full listener: release what deleted stacks left behind.

        A reservation whose number has a rule is in use, whoever made it; only the others are
        worth a question to CloudFormation.
        """
        quota = listener.rule_quota(self.elbv2)
        using = _using(reserved, rules)
        waiting = [each for each in reserved if each.owner not in using]
        count = len(rules) + len({each.owner for each in waiting})
        if count < quota:
            return set()
        # Another deployment may have been faster, and have given the number to someone.
        released = {
            each.priority
            for each in waiting
            if self._is_left(each, using) and self.reservations.release(each)
        }
        if count - len(released) >= quota:
            raise self._full(quota)
        return released

    def _is_left(self, reservation: Reservation, using: Collection[Owner]) -> bool:
        """Whether a reservation whose number has no rule is of no use: its stack is gone, or rests
        and has its rule elsewhere."""
        status = stacks.status(self.cloudformation, reservation.owner.stack_id)
        return status == stacks.DELETED or (
            status.endswith("_COMPLETE") and reservation.owner in using
        )

    def _foreign_rule(self, priority: int) -> Failure:
        return Failure(
            f"The priority {priority} of {self.reservations.listener_arn} is reserved for this "
            "stack, but a rule of someone else has it.",
            "Delete that rule or give it another priority, then deploy again.",
        )

    def _full(self, count: int) -> Failure:
        return Failure(
            f"The listener {self.reservations.listener_arn} is full: it uses all {count} rules "
            "that the account's quota allows a load balancer.",
            "Raise the quota 'Rules per Application Load Balancer', delete services, or deploy "
            "on another load balancer.",
        )


def _using(reserved: Sequence[Reservation], rules: Collection[int]) -> set[Owner]:
    """Who has a rule."""
    return {each.owner for each in reserved if each.priority in rules}


def _wish(
    owner: Owner,
    purpose: Purpose,
    mine: Sequence[Reservation],
    rules: Mapping[int, Rule],
    *,
    rule_exists: bool,
) -> Wish:
    if purpose.conditions is None:
        raise Failure(
            "Property Conditions is missing.",
            "Deploy with the service.yml of the same version as the support stack.",
        )
    before = {
        rule.number: rule.conditions
        for rule in (_as_rule(each, rules) for each in mine)
        if rule.conditions
    }
    answering = {number: had for number, had in before.items() if rule_exists and number in rules}
    return Wish(
        purpose.conditions,
        name_of(owner.stack_id),
        purpose.takes_over,
        rule_exists,
        list(before.values()),
        answering,
    )


def _others(owner: Owner, reserved: Sequence[Reservation], rules: Mapping[int, Rule]) -> list[Rule]:
    """The rules of all but one owner: as reserved, or as the listener has those that nobody
    reserved."""
    numbers = {each.priority for each in reserved}
    ours = [_as_rule(each, rules) for each in reserved if each.owner != owner]
    return ours + [rule for number, rule in rules.items() if number not in numbers]


def _as_rule(reservation: Reservation, rules: Mapping[int, Rule]) -> Rule:
    """What a reservation stands for; one without conditions is what the listener has there."""
    number, purpose = reservation.priority, reservation.purpose
    conditions = purpose.conditions
    if conditions is None and number in rules:
        conditions = rules[number].conditions
    return Rule(number, conditions, reservation.owner.stack_id, purpose.takes_over)
