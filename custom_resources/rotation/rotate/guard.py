"""Whether a user may be rotated: what is asked for that, and the rules, which make no calls."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from psycopg2.extensions import connection as Connection  # noqa: N812 - the class of psycopg2

from custom_resources.contract.cluster import Cluster, Memory
from custom_resources.contract.names import USERS, ServiceUser
from custom_resources.contract.outcomes import Reason
from custom_resources.contract.stacks import ServiceStack
from custom_resources.contract.usage import Task, Usage, last_stopped, living
from custom_resources.shared import stacks
from custom_resources.shared.failure import Failure

_WAIT = "Secrets Manager tries again by itself; or rotate it once that has ended."


def now() -> datetime.datetime:
    """The time in UTC."""
    return datetime.datetime.now(datetime.UTC)


@dataclass(frozen=True, kw_only=True)
class Facts(Usage):
    """All that the guard looks at: what ECS says of the service, and this.

    Args:
        stack: of the service.
        now: the time of all this.
        tasks: that refer to the secret, as far as they were looked for; stopped ones too.
        sessions: number of sessions of the user in the database.
    """

    stack: ServiceStack
    now: datetime.datetime
    tasks: tuple[Task, ...] = ()
    sessions: int = 0


class Hindrance(NamedTuple):
    """What forbids a rotation, for those who count and for those who read."""

    reason: Reason
    told: str


class Refusal(Failure):
    """The user may not be rotated now.

    Args:
        user: whom it is about.
        hindrances: what forbids it, the weightiest first; one at least.
        lasting: whether the same rotation can never succeed, however often it is tried.
        remedy: what to do.
    """

    def __init__(
        self, user: ServiceUser, hindrances: list[Hindrance], *, lasting: bool, remedy: str
    ):
        told = "; ".join(it.told for it in hindrances)
        super().__init__(f"Refused to rotate {user}: {told}.", remedy)
        self.lasting = lasting
        self.reason = hindrances[0].reason


@dataclass(frozen=True)
class Guard:
    """Forbids the rotation of a user that anything may be using.

    Args:
        user: to be rotated.
        cloudformation: boto3 client.
        ecs: boto3 client.
        settling: how long ago the last deployment must have ended, and the user's last task
            stopped.
        paused: whether the platform's rotation is paused.
        clock: the time in UTC.
        memory: what earlier guards of the same function learned of the cluster.
    """

    user: ServiceUser
    cloudformation: Any
    ecs: Any
    settling: datetime.timedelta
    paused: bool = False
    clock: Callable[[], datetime.datetime] = now
    memory: Memory = field(default_factory=Memory)

    def check(self, count_sessions: Callable[[], int]) -> None:
        """Look anew: at the service first, at the whole cluster if that allows it, and at the
        database if that does too.

        Args:
            count_sessions: counts the user's sessions in the database.
        Raises:
            Refusal: naming what forbids the rotation.
            Failure: stack or service isn't there.
            ClientError: a call was refused; nothing is rotated on half the facts.
        """
        cluster = Cluster(self.ecs, self.user, self.memory)
        facts = self._facts(cluster)
        self._raise_refusal(facts)
        facts = replace(facts, tasks=cluster.tasks(facts.now))
        self._raise_refusal(facts)
        self._raise_refusal(replace(facts, sessions=count_sessions()))

    def _raise_refusal(self, facts: Facts) -> None:
        refused = refusal(facts, self.user, self.settling, paused=self.paused)
        if refused:
            raise refused

    def _facts(self, cluster: Cluster) -> Facts:
        user = self.user
        stack = stacks.describe_service(self.cloudformation, user.stack_name)
        usage = cluster.usage(self.clock())
        if usage is None:
            raise Failure(
                f"There is no ECS service {user.service} in the cluster {user.platform}.",
                "Deploy the service again; without it nobody knows who uses the secret.",
            )
        return Facts(
            deployments=usage.deployments,
            service_deployments=usage.service_deployments,
            primary_updated=usage.primary_updated,
            stack=stack,
            now=self.clock(),
        )


def count_sessions(connection: Connection, username: str) -> int:
    """Number of a user's sessions on the server, other than those of Quayside's own functions.

    Source: PostgreSQL documentation, "pg_stat_activity"; everyone sees whose a session is.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE usename = %s AND application_name IS DISTINCT FROM"
            " current_setting('application_name')",
            (username,),
        )
        (number,) = cursor.fetchone()
    return int(number)


# --- The rules. No calls ---


def refusal(
    facts: Facts, user: ServiceUser, settling: datetime.timedelta, *, paused: bool = False
) -> Refusal | None:
    """What forbids the rotation of a user, or None if nothing does.

    Only the user being the active one lasts: everything else passes.

    Args:
        facts: found out now.
        user: to be rotated.
        settling: how long ago the last deployment must have ended, and the user's last task
            stopped; ECS is eventually consistent.
        paused: whether the platform's rotation is paused.
    """
    if paused:
        return Refusal(
            user,
            [Hindrance(Reason.PAUSED, "rotation is paused on this platform")],
            lasting=True,
            remedy="Deploy the rotation stack with Paused false, then rotate it.",
        )
    stack = facts.stack
    if stack.is_stable and stack.active_user not in USERS:
        told = f"the stack {stack.name} has no parameter ActiveUser"
        return Refusal(
            user,
            [Hindrance(Reason.NO_ACTIVE_USER, told)],
            lasting=True,
            remedy="Deploy the service from the template that has it.",
        )
    if stack.is_stable and stack.active_user == user.colour:
        return Refusal(
            user,
            [Hindrance(Reason.ACTIVE_USER, "it is the active user"), *_passing(facts, settling)],
            lasting=True,
            remedy="Rotate the other user first, which moves the service to it (rotate.yml).",
        )
    hindrances = list(_passing(facts, settling))
    return Refusal(user, hindrances, lasting=False, remedy=_WAIT) if hindrances else None


def _passing(facts: Facts, settling: datetime.timedelta) -> Iterator[Hindrance]:
    if not facts.stack.is_stable:
        told = f"the stack {facts.stack.name} is in {facts.stack.status}"
        yield Hindrance(Reason.STACK, told)
    yield from (Hindrance(Reason.DEPLOYMENT, told) for told in _deploying(facts))
    for task in living(facts.tasks):
        told = f"task {task.identity} ({task.group}) is {task.status} and refers to its secret"
        yield Hindrance(Reason.TASK, told)
    yield from (Hindrance(Reason.SETTLING, told) for told in _settling(facts, settling))
    if facts.sessions:
        told = f"the database has open sessions of it ({facts.sessions})"
        yield Hindrance(Reason.SESSION, told)


def _settling(facts: Facts, settling: datetime.timedelta) -> Iterator[str]:
    must_pass = f"UTC, and {int(settling.total_seconds())} s must pass"
    ended, stopped = facts.last_deployment_ended, last_stopped(facts.tasks)
    if ended and facts.now < ended + settling:
        yield f"the last deployment ended at {ended:%H:%M:%S} {must_pass}"
    if stopped and facts.now < stopped + settling:
        yield f"the last task that refers to its secret stopped at {stopped:%H:%M:%S} {must_pass}"


def _deploying(facts: Facts) -> Iterator[str]:
    for deployment in facts.deployments:
        if deployment.is_unfinished:
            yield f"deployment {deployment.identity} is {deployment.rollout_state}"
    for begun in facts.service_deployments:
        if begun.is_unfinished:
            yield f"service deployment {begun.identity} is {begun.status}"
    for deployment in facts.deployments:
        if deployment.starts_users:
            yield f"deployment {deployment.identity} starts tasks with its secret"
