"""Two hundred allocations on one listener at the same moment."""

from __future__ import annotations

import itertools
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest
from botocore.config import Config

from custom_resources.contract.stacks import name_of
from custom_resources.listener_priority.allocation import Allocation
from custom_resources.listener_priority.conditions import Conditions
from custom_resources.listener_priority.reservations import (
    Owner,
    Purpose,
    Reservation,
    Reservations,
)
from custom_resources.listener_priority.rules import CollisionError
from local_aws.control import LocalAws

NAMES, RIVALS = 10, 4
PAIRS, SWAPS, ROLLBACKS, PLAIN = 20, 10, 20, 60


def rule(host: str, path: str = "") -> Conditions:
    conditions = [{"Field": "host-header", "Values": [host]}]
    return Conditions.of(
        [*conditions, *([{"Field": "path-pattern", "Values": [path]}] * bool(path))]
    )


@dataclass
class Listener:
    """A listener whose rules follow the numbers, as CloudFormation makes them follow.

    Args:
        allocation: the function's.
        elbv2: boto3 client.
        new_stack: makes a stack that really exists.
    """

    allocation: Allocation
    elbv2: Any
    new_stack: Callable[[], str]

    @property
    def reservations(self) -> Reservations:
        return self.allocation.reservations

    def create(self, conditions: Conditions, owner: Owner | None = None) -> Owner:
        """A new stack's rule; the stack doesn't exist if nothing asks for it."""
        owner = owner or Owner(f"arn:aws:x:y:z:stack/{uuid.uuid4().hex}/1", "ListenerPriority")
        self.allocation.reserve(owner, Purpose(conditions), rule_exists=False)
        return owner

    def with_rule(self, conditions: Conditions) -> Owner:
        """A deployed stack with its rule."""
        owner = self.create(conditions, Owner(self.new_stack(), "ListenerPriority"))
        (reservation,) = self.of(owner)
        self.elbv2.create_rule(
            ListenerArn=self.reservations.listener_arn,
            Priority=reservation.priority,
            Conditions=[{"Field": it.kind, "Values": list(it.values)} for it in conditions.parts],
            Actions=[{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "200"}}],
        )
        return owner

    def take_over(self, owner: Owner, conditions: Conditions, other: Owner) -> int:
        purpose = Purpose(conditions, name_of(other.stack_id))
        return self.allocation.reserve(owner, purpose, rule_exists=True)

    def rolled_back(self, owner: Owner, conditions: Conditions, other: Conditions) -> int:
        """An update to other conditions, which goes back; CloudFormation then cleans up."""
        self.allocation.reserve(owner, Purpose(other), rule_exists=True)
        number = self.allocation.reserve(owner, Purpose(conditions), rule_exists=True)
        self.allocation.release(owner, Purpose(other).digest)
        return number

    def of(self, owner: Owner) -> list[Reservation]:
        return [it for it in self.reservations.all() if it.owner == owner]


@pytest.fixture
def listener(
    aws: LocalAws, table: str, new_listener: Callable[[], str], new_stack: Callable[[], str]
) -> Iterator[Listener]:
    pooled = Config(max_pool_connections=250)
    dynamodb, elbv2, cloudformation = (
        aws.client(service, config=pooled) for service in ("dynamodb", "elbv2", "cloudformation")
    )
    aws.limit_rules(400)
    reservations = Reservations(dynamodb, table, new_listener())
    yield Listener(Allocation(reservations, elbv2, cloudformation), elbv2, new_stack)
    aws.limit_rules(100)


def conditions_of(reservation: Reservation) -> Conditions:
    assert reservation.purpose.conditions is not None
    return reservation.purpose.conditions


def misplaced(reserved: list[Reservation]) -> list[str]:
    """Pairs of rules that one request may fit, of which the less exact one comes first."""
    numbered = [conditions_of(it) for it in sorted(reserved, key=lambda it: it.priority)]
    return [
        f"{first} before {second}"
        for first, second in itertools.combinations(numbered, 2)
        if first.overlaps(second)
        and not first.collides(second)
        and first.exactness > second.exactness
    ]


@pytest.mark.timeout(600)
def test_two_hundred_at_once_get_numbers_in_order_and_each_name_one_service(
    listener: Listener, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exact names, wildcards, paths, rivals for one name, take-overs, swaps and rollbacks."""
    olds = [listener.with_rule(rule(f"t{n}.example.org")) for n in range(PAIRS)]
    news = [listener.with_rule(rule(f"new{n}.example.org")) for n in range(PAIRS)]
    ones = [listener.with_rule(rule(f"one{n}.example.org")) for n in range(SWAPS)]
    others = [listener.with_rule(rule(f"other{n}.example.org")) for n in range(SWAPS)]
    backs = [listener.with_rule(rule(f"back{n}.example.org")) for n in range(ROLLBACKS)]
    before = {it.owner: it.priority for it in listener.reservations.all()}
    rivals = [
        (f"rival{n}.example.org", Owner(listener.new_stack(), "ListenerPriority"))
        for n in range(NAMES)
        for _ in range(RIVALS)
    ]

    work: list[Callable[[], Any]] = [
        *(lambda n=n: listener.create(rule(f"e{n}.w{n % 8}.example.org")) for n in range(PLAIN)),
        *(lambda n=n: listener.create(rule(f"*.w{n}.example.org")) for n in range(8)),
        *(lambda host=host: listener.create(rule(host)) for host in ("*.example.org", "*.org")),
        *(lambda n=n: listener.create(rule(f"e{n}.w{n}.example.org", "/api/*")) for n in range(6)),
        *(lambda n=n: listener.create(rule(f"*.w{n}.example.org", "/api/*")) for n in range(4)),
        *(lambda it=it: listener.create(rule(it[0]), it[1]) for it in rivals),
        *(
            lambda new=new, old=old, n=n: listener.take_over(new, rule(f"t{n}.example.org"), old)
            for n, (old, new) in enumerate(zip(olds, news, strict=True))
        ),
        *(
            lambda it=it: listener.take_over(*it)
            for n, (one, other) in enumerate(zip(ones, others, strict=True))
            for it in (
                (one, rule(f"other{n}.example.org"), other),
                (other, rule(f"one{n}.example.org"), one),
            )
        ),
        *(
            lambda n=n, it=it: listener.rolled_back(
                it, rule(f"back{n}.example.org"), rule(f"forth{n}.example.org")
            )
            for n, it in enumerate(backs)
        ),
    ]
    allocations = len(work) + ROLLBACKS
    together = threading.Barrier(len(work))

    def at_once(one: Callable[[], Any]) -> str:
        together.wait()
        try:
            one()
        except CollisionError as refused:
            return str(refused)
        return ""

    with ThreadPoolExecutor(len(work)) as pool:
        started = time.monotonic()
        refusals = [it for it in pool.map(at_once, work) if it]
        seconds = time.monotonic() - started
    with capsys.disabled():
        print(f"\n{allocations} allocations at once: {seconds:.1f} s")

    reserved = listener.reservations.all()
    assert allocations >= 200
    assert len({it.priority for it in reserved}) == len(reserved)
    assert misplaced(reserved) == []
    # Each name has one of its rivals, and the others were told by whom they were refused.
    for n in range(NAMES):
        assert sum(conditions_of(it) == rule(f"rival{n}.example.org") for it in reserved) == 1
        told = [it for it in refusals if f"rival{n}.example.org is taken" in it]
        assert len(told) == RIVALS - 1
        assert all("the stack " in it for it in told)
    assert len(refusals) == NAMES * (RIVALS - 1)
    numbers = {(it.owner, conditions_of(it)): it.priority for it in reserved}
    for n, (old, new) in enumerate(zip(olds, news, strict=True)):
        name = rule(f"t{n}.example.org")
        assert numbers[new, name] < numbers[old, name] == before[old]
    for n, (one, other) in enumerate(zip(ones, others, strict=True)):
        for of, taker, host in ((one, other, "one"), (other, one, "other")):
            name = rule(f"{host}{n}.example.org")
            assert numbers[taker, name] < numbers[of, name] == before[of]
    assert all([it.priority for it in listener.of(back)] == [before[back]] for back in backs)
