"""What runs in a cluster and names a secret.

Of a task, everything but its status stands from its start on, and of a task definition's revision
everything: both are asked for once, and remembered for as long as Lambda keeps the function warm.
Five hundred services that rotate in one hour would else ask half a million times.

Source: Amazon ECS API reference, DescribeServices, ListServiceDeployments (90 days), ListTasks (by
default only tasks whose desired status is RUNNING: one that drains has STOPPED), DescribeTasks (100
a call), DescribeTaskDefinition; ECS developer guide, "Request throttling".
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from .names import OF_A_USER, ServiceUser
from .usage import Deployment, ServiceDeployment, Task, Usage, refers, texts

_TASKS_A_CALL = 100
_MOST_DEFINITIONS = 20_000


@dataclass(frozen=True)
class Known:
    """What of a task never changes.

    Args:
        definition: ARN of its task definition.
        group: of which service or family it is.
        overrides: texts in its overrides that may name a secret.
    """

    definition: str
    group: str
    overrides: tuple[str, ...]


@dataclass(frozen=True)
class Memory:
    """What ECS has told and will tell again.

    Args:
        tasks: by ARN.
        definitions: texts in task definitions that may name a secret, by ARN.
    """

    tasks: dict[str, Known] = field(default_factory=dict)
    definitions: dict[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class Cluster:
    """Looks for what may hold the password of a user.

    Args:
        ecs: client.
        user: whose secret.
        memory: of earlier looks, at whichever user.
    """

    ecs: Any
    user: ServiceUser
    memory: Memory = field(default_factory=Memory)

    def usage(self, now: datetime.datetime) -> Usage | None:
        """What the service's deployments say; None if there is no such ECS service.

        Args:
            now: the time.
        """
        user = self.user
        answer = self.ecs.describe_services(cluster=user.platform, services=[user.service])
        if not answer["services"]:
            return None
        listed = answer["services"][0].get("deployments", [])
        # One that doesn't say when it changed may have changed just now.
        updated = (it.get("updatedAt", now) for it in listed if it["status"] == "PRIMARY")
        return Usage(
            deployments=tuple(self._deployment(it) for it in listed),
            service_deployments=self._service_deployments(),
            primary_updated=next(updated, None),
        )

    def tasks(self, now: datetime.datetime) -> tuple[Task, ...]:
        """The tasks of the whole cluster that name the user's secret, those too that stopped and
        that ECS still tells of.

        Args:
            now: the time.
        """
        arns = self._listed()
        for gone in self.memory.tasks.keys() - set(arns):  # for good
            del self.memory.tasks[gone]
        new = self._described(arn for arn in arns if arn not in self.memory.tasks)
        known = [arn for arn in arns if arn not in new and arn in self.memory.tasks]
        holders = self._described(arn for arn in known if self._holds(self.memory.tasks[arn]))
        for arn, described in new.items():
            self.memory.tasks[arn] = _known(described)
        return tuple(
            Task(
                identity=arn.rsplit("/", 1)[-1],
                group=self.memory.tasks[arn].group,
                status=described["lastStatus"],
                stopped=_stopped(described, now),
            )
            for arn, described in (new | holders).items()
            if self._holds(self.memory.tasks[arn])
        )

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
        while token := page.get("nextToken"):  # botocore has no paginator for it
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

    def _refers(self, task_definition: str) -> bool:
        """Whether a task definition, by its ARN, names the user's secret."""
        known = self.memory.definitions
        if task_definition not in known:
            try:
                answer = self.ecs.describe_task_definition(taskDefinition=task_definition)
            except Exception as error:
                if not _is_untold(error):
                    raise
                return True  # what a stopped task of it named, nobody knows any more
            if len(known) >= _MOST_DEFINITIONS:
                known.clear()
            known[task_definition] = _candidates(answer["taskDefinition"]["containerDefinitions"])
        return refers(known[task_definition], self.user)

    def _holds(self, task: Known) -> bool:
        return refers(task.overrides, self.user) or self._refers(task.definition)

    def _listed(self) -> list[str]:
        """ARNs, each once."""
        arns = (
            arn
            for desired in ("RUNNING", "STOPPED")
            for page in self.ecs.get_paginator("list_tasks").paginate(
                cluster=self.user.platform, desiredStatus=desired
            )
            for arn in page["taskArns"]
        )
        return list(dict.fromkeys(arns))

    def _described(self, arns: Iterable[str]) -> dict[str, dict[str, Any]]:
        """What ECS says of tasks, by ARN; a task that is gone by now is in its `failures`."""
        wanted, found = list(arns), dict[str, dict[str, Any]]()
        for start in range(0, len(wanted), _TASKS_A_CALL):
            some = wanted[start : start + _TASKS_A_CALL]
            answer = self.ecs.describe_tasks(cluster=self.user.platform, tasks=some)
            found |= {task["taskArn"]: task for task in answer["tasks"]}
        return found


def _is_untold(error: Exception) -> bool:
    """Whether ECS refuses to describe an INACTIVE task definition.

    It does once no active task or service refers to it (API reference, DescribeTaskDefinition), so
    that only tasks that stopped are of one.
    """
    answer = getattr(error, "response", None) or {}
    return bool(answer.get("Error", {}).get("Code") == "ClientException")


def _known(described: dict[str, Any]) -> Known:
    return Known(
        definition=described["taskDefinitionArn"],
        group=described.get("group") or described.get("startedBy") or "no group",
        overrides=_candidates(described.get("overrides")),
    )


def _stopped(described: dict[str, Any], now: datetime.datetime) -> datetime.datetime | None:
    if described["lastStatus"] != "STOPPED":
        return None
    # One that doesn't say when it stopped may have stopped just now.
    stopped: datetime.datetime = described.get("stoppedAt", now)
    return stopped


def _candidates(definition: Any) -> tuple[str, ...]:
    """The texts in JSON that may name a user's secret."""
    return tuple(text for text in texts(definition) if OF_A_USER in text)
