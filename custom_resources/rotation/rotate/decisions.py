"""Whether a user may be rotated, from what was found out about it. No calls."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from custom_resources.rotation.service_stack import ServiceStack
from custom_resources.rotation.users import ServiceUser
from custom_resources.shared.failure import Failure

_UNFINISHED = frozenset(
    {"PENDING", "IN_PROGRESS", "STOP_REQUESTED", "ROLLBACK_REQUESTED", "ROLLBACK_IN_PROGRESS"}
)
_WAIT = "Secrets Manager tries again by itself; or rotate it once that has ended."


@dataclass(frozen=True)
class Deployment:
    """A deployment of the ECS service, as DescribeServices lists it.

    Args:
        identity: its id.
        rollout_state: IN_PROGRESS, COMPLETED or FAILED.
        running: number of its tasks that run or start.
        desired: number of tasks that it wants.
        refers: whether its task definition refers to the user's secret.
    """

    identity: str
    rollout_state: str
    running: int
    desired: int
    refers: bool

    @property
    def is_dead(self) -> bool:
        """Whether it failed, and nothing is left of it: ECS goes on listing it."""
        return self.rollout_state == "FAILED" and not self.running and not self.desired


@dataclass(frozen=True)
class ServiceDeployment:
    """A service deployment, as ListServiceDeployments lists it.

    Args:
        identity: last part of its ARN.
        status: as ECS gives it.
        finished: when it ended; None before.
    """

    identity: str
    status: str
    finished: datetime.datetime | None


@dataclass(frozen=True)
class Task:
    """A task that refers to the user's secret and isn't STOPPED.

    Args:
        identity: last part of its ARN.
        group: of which service or family.
        status: ECS's lastStatus.
    """

    identity: str
    group: str
    status: str


@dataclass(frozen=True)
class Facts:
    """All that the guard looks at.

    Args:
        stack: of the service.
        deployments: of the ECS service.
        service_deployments: of the ECS service, those of the last 90 days.
        primary_updated: when the service's primary deployment last changed.
        now: the time of all this.
        tasks: that refer to the secret, as far as they were looked for.
        sessions: number of sessions of the user in the database.
    """

    stack: ServiceStack
    deployments: tuple[Deployment, ...]
    service_deployments: tuple[ServiceDeployment, ...]
    primary_updated: datetime.datetime | None
    now: datetime.datetime
    tasks: tuple[Task, ...] = ()
    sessions: int = 0

    @property
    def last_deployment_ended(self) -> datetime.datetime | None:
        """When the service was last deployed; ECS forgets its service deployments after 90 days."""
        ended = [it.finished for it in self.service_deployments if it.finished]
        return max(ended) if ended else self.primary_updated


class Refusal(Failure):
    """The user may not be rotated now.

    Args:
        user: whom it is about.
        reasons: what forbids it.
        lasting: whether the same rotation can never succeed, however often it is tried.
        remedy: what to do.
    """

    def __init__(self, user: ServiceUser, reasons: list[str], *, lasting: bool, remedy: str):
        super().__init__(f"Refused to rotate {user}: {'; '.join(reasons)}.", remedy)
        self.lasting = lasting


def refusal(
    facts: Facts, user: ServiceUser, settling: datetime.timedelta, *, paused: bool = False
) -> Refusal | None:
    """What forbids the rotation of a user, or None if nothing does.

    Only the user being the active one lasts: everything else passes.

    Args:
        facts: found out now.
        user: to be rotated.
        settling: how long ago the last deployment must have ended; ECS is eventually consistent.
        paused: whether the platform's rotation is paused.
    """
    if paused:
        return Refusal(
            user,
            ["rotation is paused on this platform"],
            lasting=True,
            remedy="Deploy the rotation stack with Paused false, then rotate it.",
        )
    stack = facts.stack
    if stack.is_stable and stack.active_user not in ("blue", "green"):
        return Refusal(
            user,
            [f"the stack {stack.name} has no parameter ActiveUser"],
            lasting=True,
            remedy="Deploy the service from the template that has it.",
        )
    if stack.is_stable and stack.active_user == user.colour:
        return Refusal(
            user,
            ["it is the active user", *_passing(facts, settling)],
            lasting=True,
            remedy="Rotate the other user first, which moves the service to it (rotate.yml).",
        )
    reasons = list(_passing(facts, settling))
    return Refusal(user, reasons, lasting=False, remedy=_WAIT) if reasons else None


def _passing(facts: Facts, settling: datetime.timedelta) -> Iterator[str]:
    if not facts.stack.is_stable:
        yield f"the stack {facts.stack.name} is in {facts.stack.status}"
    yield from _unfinished(facts)
    for deployment in facts.deployments:
        if deployment.refers and not deployment.is_dead:
            yield f"deployment {deployment.identity} starts tasks with its secret"
    for task in facts.tasks:
        yield f"task {task.identity} ({task.group}) is {task.status} and refers to its secret"
    ended = facts.last_deployment_ended
    if ended and facts.now < ended + settling:
        seconds = int(settling.total_seconds())
        yield f"the last deployment ended at {ended:%H:%M:%S} UTC, and {seconds} s must pass"
    if facts.sessions:
        yield f"the database has open sessions of it ({facts.sessions})"


def _unfinished(facts: Facts) -> Iterator[str]:
    for deployment in facts.deployments:
        if deployment.rollout_state != "COMPLETED" and not deployment.is_dead:
            yield f"deployment {deployment.identity} is {deployment.rollout_state}"
    for service_deployment in facts.service_deployments:
        if service_deployment.status in _UNFINISHED:
            identity, status = service_deployment.identity, service_deployment.status
            yield f"service deployment {identity} is {status}"


def refers(definition: Any, user: ServiceUser) -> bool:
    """Whether anything in a container definition, or in a task's overrides, names a user's secret.

    A secret is named by its name, by its ARN, which ends in a hyphen and six characters that
    Secrets Manager adds, or by its ARN without them.

    Args:
        definition: JSON as ECS describes it.
        user: whose secret.
    """
    name = re.escape(user.secret_name)
    pattern = re.compile(rf"(?<![\w/+=.@-]){name}(-\w{{6}})?(?![\w/+=.@-])")
    return any(pattern.search(text) for text in texts(definition))


def texts(value: Any) -> Iterator[str]:
    """Every string in JSON that isn't a name of a member."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from texts(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from texts(inner)
