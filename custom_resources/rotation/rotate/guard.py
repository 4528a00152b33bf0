"""Finding out what the guard has to know.

Source: Amazon ECS API reference, ListTasks (by default only tasks whose desired status is RUNNING:
one that drains has STOPPED), DescribeServices, ListServiceDeployments (90 days).
"""

from __future__ import annotations

import datetime
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from custom_resources.rotation import service_stack
from custom_resources.rotation.rotate.decisions import (
    Deployment,
    Facts,
    Refusal,
    ServiceDeployment,
    Task,
    refers,
    refusal,
)
from custom_resources.rotation.users import ServiceUser
from custom_resources.shared.failure import Failure

_TASKS_A_CALL = 100


def now() -> datetime.datetime:
    """The time in UTC."""
    return datetime.datetime.now(datetime.UTC)


@dataclass(frozen=True)
class Guard:
    """Forbids the rotation of a user that anything may be using.

    Args:
        user: to be rotated.
        cloudformation: boto3 client.
        ecs: boto3 client.
        settling: how long ago the last deployment must have ended.
        paused: whether the platform's rotation is paused.
        clock: the time in UTC.
    """

    user: ServiceUser
    cloudformation: Any
    ecs: Any
    settling: datetime.timedelta
    paused: bool = False
    clock: Callable[[], datetime.datetime] = now
    # A revision of a task definition never changes.
    _referring: dict[str, bool] = field(default_factory=dict)

    def check(self, count_sessions: Callable[[], int]) -> None:
        """Look at everything anew.

        Args:
            count_sessions: counts the user's sessions in the database; only called if nothing in
                AWS forbids the rotation.
        Raises:
            Refusal: naming what forbids the rotation.
            Failure: stack or service isn't there.
            ClientError: a call was refused; nothing is rotated on half the facts.
        """
        facts = self._facts()
        refused = self._refusal(facts) or self._refusal(replace(facts, sessions=count_sessions()))
        if refused:
            raise refused

    def _refusal(self, facts: Facts) -> Refusal | None:
        return refusal(facts, self.user, self.settling, paused=self.paused)

    def _facts(self) -> Facts:
        stack = service_stack.describe(self.cloudformation, self.user.stack_name)
        service = self._service()
        deployments = service.get("deployments", [])
        # One that doesn't say when it changed may have changed just now.
        updated = (
            it.get("updatedAt", self.clock()) for it in deployments if it["status"] == "PRIMARY"
        )
        return Facts(
            stack=stack,
            deployments=tuple(self._deployment(it) for it in deployments),
            service_deployments=self._service_deployments(),
            primary_updated=next(updated, None),
            tasks=self._tasks(),
            now=self.clock(),
        )

    def _service(self) -> dict[str, Any]:
        user = self.user
        answer = self.ecs.describe_services(cluster=user.platform, services=[user.service])
        if not answer["services"]:
            raise Failure(
                f"There is no ECS service {user.service} in the cluster {user.platform}.",
                "Deploy the service again; without it nobody knows who uses the secret.",
            )
        service: dict[str, Any] = answer["services"][0]
        return service

    def _deployment(self, described: dict[str, Any]) -> Deployment:
        return Deployment(
            identity=described["id"],
            rollout_state=described.get("rolloutState", "IN_PROGRESS"),
            running=described["runningCount"] + described["pendingCount"],
            desired=described["desiredCount"],
            refers=self._refers(described["taskDefinition"]),
        )

    def _service_deployments(self) -> tuple[ServiceDeployment, ...]:
        request = {"cluster": self.user.platform, "service": self.user.service}
        page = self.ecs.list_service_deployments(**request)
        listed = page["serviceDeployments"]
        while token := page.get("nextToken"):  # boto3 has no paginator for it
            page = self.ecs.list_service_deployments(**request, nextToken=token)
            listed += page["serviceDeployments"]
        return tuple(
            ServiceDeployment(
                identity=it["serviceDeploymentArn"].rsplit("/", 1)[-1],
                status=it["status"],
                finished=it.get("finishedAt"),
            )
            for it in listed
        )

    def _tasks(self) -> tuple[Task, ...]:
        cluster = self.user.platform
        arns = [
            arn
            for desired in ("RUNNING", "STOPPED")
            for page in self.ecs.get_paginator("list_tasks").paginate(
                cluster=cluster, desiredStatus=desired
            )
            for arn in page["taskArns"]
        ]
        unique = list(dict.fromkeys(arns))
        found = []
        for start in range(0, len(unique), _TASKS_A_CALL):
            some = unique[start : start + _TASKS_A_CALL]
            # A task that is gone by now is in `failures`.
            found += self.ecs.describe_tasks(cluster=cluster, tasks=some)["tasks"]
        return tuple(
            Task(
                identity=it["taskArn"].rsplit("/", 1)[-1],
                group=it.get("group") or it.get("startedBy") or "no group",
                status=it["lastStatus"],
            )
            for it in found
            if it["lastStatus"] != "STOPPED" and self._holds(it)
        )

    def _holds(self, task: dict[str, Any]) -> bool:
        return refers(task.get("overrides"), self.user) or self._refers(task["taskDefinitionArn"])

    def _refers(self, task_definition: str) -> bool:
        if task_definition not in self._referring:
            answer = self.ecs.describe_task_definition(taskDefinition=task_definition)
            containers = answer["taskDefinition"]["containerDefinitions"]
            self._referring[task_definition] = refers(containers, self.user)
        return self._referring[task_definition]
