"""Waiting until nothing of a cluster uses a service's idle database user any more.

What the rotation's own guard looks at (custom_resources/rotation/rotate), but for the sessions in
the database: a rotation that would be refused isn't even begun, and rings no alarm.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from ansible_collections.quayside.fargate.plugins.plugin_utils import aws, services
from ansible_collections.quayside.fargate.plugins.plugin_utils.clock import Clock
from ansible_collections.quayside.fargate.plugins.plugin_utils.errors import StackError

_UNFINISHED = frozenset(
    {"PENDING", "IN_PROGRESS", "STOP_REQUESTED", "ROLLBACK_REQUESTED", "ROLLBACK_IN_PROGRESS"}
)
_TASKS_A_CALL = 100
_NEVER = datetime.datetime.min.replace(tzinfo=datetime.UTC)


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
        self._harmless: set[str] = set()  # tasks that don't name it, which never changes either

    def wait(self, clock: Clock, say: Callable[[str, str | None], None]) -> bool:
        """Wait until nothing uses the user; say once of each kind of thing that it waits for it.

        Returns: whether it had to wait.
        Raises: StackError at the timeout.
        """
        told: set[str] = set()
        clock.hurry()
        while reason := self._reason():
            if reason.kind not in told:
                say(f"{self._user} may be in use, waiting: {reason.text}", "yellow")
                told.add(reason.kind)
            state = f"The user {self._user} of {self._service} may be in use: {reason.text}"
            clock.pause(state, said=reason.kind == "settling")
        return bool(told)

    def _reason(self) -> Reason | None:
        try:
            return next(self._reasons(), None)
        except aws.AwsError as error:
            doing = f"Looking for who uses {self._secret}"
            raise StackError(aws.explain(error, doing)) from error

    def _reasons(self) -> Iterator[Reason]:
        """Yield what may use the user; the whole cluster is asked only when nothing else does."""
        deployments = services.deployments(self._ecs, self._service)
        begun = self._service_deployments()
        for it in deployments:
            if not _is_dead(it) and it.get("rolloutState") != "COMPLETED":
                yield Reason("deployment", "a deployment of the service runs")
        for it in begun:
            if it["status"] in _UNFINISHED:
                yield Reason("deployment", f"a deployment of the service is {it['status']}")
        until = _last_end(begun, deployments) + self._settling
        if datetime.datetime.now(datetime.UTC) < until:
            yield Reason(
                "settling", f"the last deployment has to settle until {until:%H:%M:%S} UTC"
            )
        for it in deployments:
            if not _is_dead(it) and self._names(it["taskDefinition"]):
                yield Reason("tasks", f"deployment {it['id']} starts tasks with its password")
        for task in self._tasks():
            identity, group = task["taskArn"].rpartition("/")[2], task.get("group", "no group")
            yield Reason("tasks", f"task {identity} ({group}) has its password")

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

    def _tasks(self) -> Iterator[dict[str, Any]]:
        """Yield the tasks of the whole cluster that name the secret and aren't STOPPED."""
        arns = [arn for arn in self._listed() if arn not in self._harmless]
        for start in range(0, len(arns), _TASKS_A_CALL):
            answer = self._ecs.describe_tasks(
                cluster=self._service.platform, tasks=arns[start : start + _TASKS_A_CALL]
            )
            for task in answer["tasks"]:
                if not self._holds(task):
                    self._harmless.add(task["taskArn"])
                elif task["lastStatus"] != "STOPPED":
                    yield task

    def _listed(self) -> list[str]:
        pages = (
            page
            for desired in ("RUNNING", "STOPPED")  # one that drains has STOPPED
            for page in self._ecs.get_paginator("list_tasks").paginate(
                cluster=self._service.platform, desiredStatus=desired
            )
        )
        return list(dict.fromkeys(arn for page in pages for arn in page["taskArns"]))

    def _holds(self, task: dict[str, Any]) -> bool:
        overrides = task.get("overrides") or {}
        return refers(overrides, self._secret) or self._names(task["taskDefinitionArn"])

    def _names(self, definition: str) -> bool:
        if definition not in self._naming:
            described = self._ecs.describe_task_definition(taskDefinition=definition)
            containers = described["taskDefinition"]["containerDefinitions"]
            self._naming[definition] = refers(containers, self._secret)
        return self._naming[definition]


def refers(definition: Any, secret: str) -> bool:
    """Say whether anything in a container definition or in a task's overrides names a secret.

    As custom_resources/rotation/rotate has it; a test holds the two together.

    Args:
        definition: as ECS describes it.
        secret: its name.
    """
    if isinstance(definition, dict):
        return any(refers(it, secret) for it in definition.values())
    if isinstance(definition, list):
        return any(refers(it, secret) for it in definition)
    name = rf"(?<![\w/+=.@-]){re.escape(secret)}(-\w{{6}})?(?![\w/+=.@-])"
    return isinstance(definition, str) and bool(re.search(name, definition))


def _is_dead(deployment: dict[str, Any]) -> bool:
    """Say whether a deployment failed, and nothing is left of it: ECS goes on listing it."""
    left = deployment["runningCount"] + deployment["pendingCount"] + deployment["desiredCount"]
    return deployment.get("rolloutState") == "FAILED" and not left


def _last_end(begun: list[dict[str, Any]], deployments: list[dict[str, Any]]) -> datetime.datetime:
    """Return when the service was last deployed; ECS forgets that of 90 days ago."""
    ended = [it["finishedAt"] for it in begun if it.get("finishedAt")]
    primary = [it.get("updatedAt") for it in deployments if it["status"] == "PRIMARY"]
    return max(ended or filter(None, primary), default=_NEVER)
