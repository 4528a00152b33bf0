"""Waiting until nothing of a service uses its idle database user any more.

What the rotation's own guard looks at (custom_resources/rotation/rotate), as far as it passes by
itself: a rotation that would be refused isn't even begun.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator
from typing import Any

from ansible_collections.quayside.fargate.plugins.plugin_utils import aws, services
from ansible_collections.quayside.fargate.plugins.plugin_utils.clock import Clock
from ansible_collections.quayside.fargate.plugins.plugin_utils.errors import StackError

_UNFINISHED = frozenset(
    {"PENDING", "IN_PROGRESS", "STOP_REQUESTED", "ROLLBACK_REQUESTED", "ROLLBACK_IN_PROGRESS"}
)


class Idle:
    """A database user of a service that nothing shall use.

    Args:
        account: makes the clients.
        service: whose user.
        user: blue or green.
        settling: seconds that must have passed since the last deployment.
    """

    def __init__(
        self, account: aws.Account, service: services.Service, user: str, settling: float
    ) -> None:
        self._ecs = account.client("ecs")
        self._service = service
        self._user = user
        self._settling = datetime.timedelta(seconds=settling)
        self._secret = service.secret(user)
        self._naming: dict[str, bool] = {}  # by task definition; a revision never changes

    def wait(self, clock: Clock, say: Callable[[str, str | None], None]) -> None:
        """Wait until nothing uses the user; say what it waits for.

        Raises: StackError at the timeout.
        """
        told = ""
        clock.hurry()
        while reason := self._reason():
            if reason != told:
                say(f"{self._user} may be in use: {reason}", "yellow")
                told = reason
            clock.pause(f"The user {self._user} of {self._service} may be in use: {reason}")

    def _reason(self) -> str:
        """Return what may still use the user, "" if nothing does."""
        try:
            return next(self._reasons(), "")
        except aws.AwsError as error:
            doing = f"Looking for who uses {self._secret}"
            raise StackError(aws.explain(error, doing)) from error

    def _reasons(self) -> Iterator[str]:
        deployments = self._service_deployments()
        for it in deployments:
            if it["status"] in _UNFINISHED:
                yield f"a deployment is {it['status']}"
        for task in self._tasks():
            if task["lastStatus"] != "STOPPED" and self._names(task["taskDefinitionArn"]):
                yield f"task {task['taskArn'].rpartition('/')[2]} is {task['lastStatus']}"
        until = self._last_end(deployments) + self._settling
        if datetime.datetime.now(datetime.UTC) < until:
            yield f"the last deployment has to settle until {until:%H:%M:%S} UTC"

    def _service_deployments(self) -> list[dict[str, Any]]:
        given = {"cluster": self._service.platform, "service": self._service.name}
        found: list[dict[str, Any]] = []
        token: str | None = None
        while True:
            page = self._ecs.list_service_deployments(
                **given, **({"nextToken": token} if token else {})
            )
            found += page["serviceDeployments"]
            token = page.get("nextToken")
            if not token:
                return found

    def _last_end(self, listed: list[dict[str, Any]]) -> datetime.datetime:
        """Return when the service was last deployed; ECS forgets after 90 days."""
        ended = [it["finishedAt"] for it in listed if it.get("finishedAt")]
        return max(ended, default=datetime.datetime.min.replace(tzinfo=datetime.UTC))

    def _tasks(self) -> Iterator[dict[str, Any]]:
        cluster = self._service.platform
        for desired in ("RUNNING", "STOPPED"):  # one that drains has STOPPED
            pages = self._ecs.get_paginator("list_tasks").paginate(
                cluster=cluster, serviceName=self._service.name, desiredStatus=desired
            )
            for page in pages:
                if page["taskArns"]:  # DescribeTasks takes a page's hundred
                    yield from self._ecs.describe_tasks(cluster=cluster, tasks=page["taskArns"])[
                        "tasks"
                    ]

    def _names(self, definition: str) -> bool:
        if definition not in self._naming:
            described = self._ecs.describe_task_definition(taskDefinition=definition)
            containers = described["taskDefinition"]["containerDefinitions"]
            self._naming[definition] = f":secret:{self._secret}-" in str(containers)
        return self._naming[definition]
