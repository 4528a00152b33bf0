"""Who may be using a database user, by what ECS says. No calls.

Source: Amazon ECS API reference, Deployment, ServiceDeploymentBrief.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from .names import ServiceUser

_UNFINISHED = frozenset(
    {"PENDING", "IN_PROGRESS", "STOP_REQUESTED", "ROLLBACK_REQUESTED", "ROLLBACK_IN_PROGRESS"}
)
# How long ago a service's last deployment must have ended, and the user's last task stopped, as the
# rotation template has it: ECS is eventually consistent.
SETTLING_SECONDS = 300.0


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

    @property
    def is_unfinished(self) -> bool:
        """Whether it goes on, or failed and left something."""
        return self.rollout_state != "COMPLETED" and not self.is_dead

    @property
    def starts_users(self) -> bool:
        """Whether it starts tasks that refer to the user's secret."""
        return self.refers and not self.is_dead


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

    @property
    def is_unfinished(self) -> bool:
        """Whether it goes on."""
        return self.status in _UNFINISHED


@dataclass(frozen=True)
class Task:
    """A task that refers to the user's secret.

    Args:
        identity: last part of its ARN.
        group: of which service or family.
        status: ECS's lastStatus.
        stopped: when it came to STOPPED; None before.
    """

    identity: str
    group: str
    status: str
    stopped: datetime.datetime | None = None


@dataclass(frozen=True)
class Usage:
    """What ECS says of a service.

    Args:
        deployments: of the ECS service.
        service_deployments: of the ECS service, those of the last 90 days.
        primary_updated: when the service's primary deployment last changed.
    """

    deployments: tuple[Deployment, ...]
    service_deployments: tuple[ServiceDeployment, ...]
    primary_updated: datetime.datetime | None

    @property
    def last_deployment_ended(self) -> datetime.datetime | None:
        """When the service was last deployed; ECS forgets its service deployments after 90 days."""
        ended = [it.finished for it in self.service_deployments if it.finished]
        return max(ended) if ended else self.primary_updated


def living(tasks: Iterable[Task]) -> list[Task]:
    """The tasks that aren't STOPPED: one that drains may still log in."""
    return [task for task in tasks if task.stopped is None]


def last_stopped(tasks: Iterable[Task]) -> datetime.datetime | None:
    """When the last of the tasks stopped; None if none did that ECS still tells of.

    A deployment with early success ends before its old tasks do, so that its end says nothing of
    them. ECS tells of a stopped task for an hour at least (API reference, ListTasks).
    """
    return max((task.stopped for task in tasks if task.stopped), default=None)


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
