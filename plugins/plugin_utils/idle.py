"""Waiting until nothing of a cluster uses a service's idle database user any more.

What the rotation's own guard looks at, but for the sessions in the database: a rotation that would
be refused isn't even begun, and rings no alarm.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ansible_collections.quayside.fargate.custom_resources.contract.cluster import Cluster
from ansible_collections.quayside.fargate.custom_resources.contract.names import (
    Service,
    ServiceUser,
)
from ansible_collections.quayside.fargate.custom_resources.contract.usage import (
    last_stopped,
    living,
)
from ansible_collections.quayside.fargate.plugins.plugin_utils import aws
from ansible_collections.quayside.fargate.plugins.plugin_utils.clock import Clock
from ansible_collections.quayside.fargate.plugins.plugin_utils.errors import StackError

_SETTLING = ("settling", "stopped")  # they end at a moment that was told


@dataclass(frozen=True)
class Reason:
    """What may still use the user.

    kind: each is told once; text: what it is now.
    """

    kind: str
    text: str


class Idle:
    """A database user of a service that nothing shall use.

    Args:
        account: makes the clients.
        service: whose user.
        user: blue or green.
        settling: seconds that must have passed since the last deployment ended, and since the
            user's last task stopped: with early success, that comes later.
    """

    def __init__(self, account: aws.Account, service: Service, user: str, settling: float) -> None:
        self._service = service
        self._user = ServiceUser(service.platform, service.name, user)
        self._cluster = Cluster(account.client("ecs"), self._user)
        self._settling = datetime.timedelta(seconds=settling)

    def wait(self, clock: Clock, say: Callable[[str, str | None], None]) -> bool:
        """Wait until nothing uses the user; say once of each kind of thing that it waits for it.

        Returns: whether it had to wait.
        Raises: StackError at the timeout, and if there is no such service.
        """
        told: set[str] = set()
        user = self._user.colour
        clock.hurry()
        while reason := self._reason():
            if reason.kind not in told:
                say(f"{user} may be in use, waiting: {reason.text}", "yellow")
                told.add(reason.kind)
            state = f"The user {user} of {self._service} may be in use: {reason.text}"
            clock.pause(state, said=reason.kind in _SETTLING)
        return bool(told)

    def _reason(self) -> Reason | None:
        try:
            return next(self._reasons(), None)
        except aws.AwsError as error:
            doing = f"Looking for who uses {self._user.secret_name}"
            raise StackError(aws.explain(error, doing)) from error

    def _reasons(self) -> Iterator[Reason]:
        """Yield what may use the user; the whole cluster is asked only when nothing else does."""
        now = datetime.datetime.now(datetime.UTC)
        usage = self._cluster.usage(now)
        if usage is None:
            raise StackError(
                f"There is no ECS service {self._service.name} in the cluster "
                f"{self._service.platform}. Deploy the service again, then rotate."
            )
        if any(it.is_unfinished for it in usage.deployments):
            yield Reason("deployment", "a deployment of the service runs")
        for begun in usage.service_deployments:
            if begun.is_unfinished:
                yield Reason("deployment", f"a deployment of the service is {begun.status}")
        ended = usage.last_deployment_ended
        if ended and now < ended + self._settling:
            until = ended + self._settling
            yield Reason(
                "settling", f"the last deployment has to settle until {until:%H:%M:%S} UTC"
            )
        for it in usage.deployments:
            if it.starts_users:
                yield Reason("tasks", f"deployment {it.identity} starts tasks with its password")
        tasks = self._cluster.tasks(now)
        for task in living(tasks):
            yield Reason("tasks", f"task {task.identity} ({task.group}) has its password")
        stopped = last_stopped(tasks)
        if stopped and now < stopped + self._settling:
            until = stopped + self._settling
            yield Reason(
                "stopped", f"the last task that had its password settles until {until:%H:%M:%S} UTC"
            )
