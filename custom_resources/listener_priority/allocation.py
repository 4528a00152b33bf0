"""Reserving a priority: reads, decides, writes, and starts over when another one was faster."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

from custom_resources.listener_priority import listener
from custom_resources.listener_priority.decisions import choose
from custom_resources.listener_priority.reservations import Owner, Reservations
from custom_resources.shared import log, stacks
from custom_resources.shared.failure import Failure

# With the candidates growing fourfold, fifty rivals need four rounds; a thousand need seven.
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

    def priority_of(self, owner: Owner, *, rule_exists: bool) -> int:
        """The owner's priority: the one it has, or the lowest that is free.

        Two calls beyond the pages of rules, and two more for every race that is lost.

        Args:
            owner: the stack and its resource.
            rule_exists: whether the stack may have its rule by now; on Create it can't.
        Raises:
            Failure: the listener is full, or has too many deployments at once.
            ClientError: a call was refused.
        """
        rules = listener.priorities(self.elbv2, self.reservations.listener_arn)
        for attempt in range(_ATTEMPTS):
            reserved = self.reservations.all()
            if owner in reserved:
                if reserved[owner] in rules and not rule_exists:
                    raise self._foreign_rule(reserved[owner])
                return reserved[owner]
            taken = rules | set(reserved.values())
            if len(taken) >= listener.DEFAULT_RULE_QUOTA:
                taken -= self._reclaimed(reserved, rules, taken)
            priority = choose(taken, attempt)
            if priority is None:
                raise self._full(len(taken), "priorities from 1 to 50000")
            self.before_change()
            if self.reservations.reserve(owner, priority):
                log.info("reserved", priority=priority, attempts=attempt + 1)
                return priority
            time.sleep(random.uniform(0, _LONGEST_PAUSE_SECONDS))  # noqa: S311 - not a secret
        raise Failure(
            f"Others took every priority of {self.reservations.listener_arn} that was tried, "
            f"{_ATTEMPTS} times.",
            "Deploy again.",
        )

    def release(self, owner: Owner) -> None:
        """Give the owner's priority back, if it has one.

        Raises:
            ClientError: a call was refused.
        """
        priority = self.reservations.of(owner)
        if priority is not None:
            self.reservations.release(owner, priority)

    def _reclaimed(
        self, reserved: dict[Owner, int], rules: Collection[int], taken: Collection[int]
    ) -> set[int]:
        """Make room on a full listener: release what belongs to deleted stacks.

        A reservation whose number has a rule is in use, whoever made it; only the others are
        worth a question to CloudFormation.
        """
        quota = listener.rule_quota(self.elbv2)
        if len(taken) < quota:
            return set()
        released = set()
        for owner, priority in reserved.items():
            unused = priority not in rules and self._is_gone(owner)
            # Another deployment may have been faster, and have given the number to someone.
            if unused and self.reservations.release(owner, priority):
                released.add(priority)
        if len(taken) - len(released) >= quota:
            raise self._full(quota, "rules that the account's quota allows a load balancer")
        return released

    def _is_gone(self, owner: Owner) -> bool:
        return stacks.status(self.cloudformation, owner.stack_id) == stacks.DELETED

    def _foreign_rule(self, priority: int) -> Failure:
        return Failure(
            f"The priority {priority} of {self.reservations.listener_arn} is reserved for this "
            "stack, but a rule of someone else has it.",
            "Delete that rule or give it another priority, then deploy again.",
        )

    def _full(self, count: int, what: str) -> Failure:
        return Failure(
            f"The listener {self.reservations.listener_arn} is full: it uses all {count} {what}.",
            "Raise the quota 'Rules per Application Load Balancer', delete services, or deploy "
            "on another load balancer.",
        )
