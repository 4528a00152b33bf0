"""What runs in a cluster and names a secret.

Of a task, everything but its status stands from its start on, and of a task definition's revision
everything: both are asked for once, and remembered for as long as Lambda keeps the function warm.
Five hundred services that rotate in one hour would else ask half a million times.

Source: Amazon ECS API reference, ListTasks (by default only tasks whose desired status is RUNNING:
one that drains has STOPPED), DescribeTasks (100 a call), DescribeTaskDefinition; ECS developer
guide, "Request throttling".
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from custom_resources.rotation.rotate.decisions import Task, refers, texts
from custom_resources.rotation.users import ServiceUser

_TASKS_A_CALL = 100
_MOST_DEFINITIONS = 20_000
_OF_A_USER = "/db/"  # in the name of every user's secret


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
        ecs: boto3 client.
        user: whose secret.
        memory: of earlier looks, at whichever user.
    """

    ecs: Any
    user: ServiceUser
    memory: Memory = field(default_factory=Memory)

    def tasks(self) -> tuple[Task, ...]:
        """The tasks of the whole cluster that name the user's secret and aren't STOPPED.

        Raises:
            ClientError: a call was refused.
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
            )
            for arn, described in (new | holders).items()
            if described["lastStatus"] != "STOPPED" and self._holds(self.memory.tasks[arn])
        )

    def refers(self, task_definition: str) -> bool:
        """Whether a task definition names the user's secret.

        Args:
            task_definition: ARN.
        """
        known = self.memory.definitions
        if task_definition not in known:
            answer = self.ecs.describe_task_definition(taskDefinition=task_definition)
            if len(known) >= _MOST_DEFINITIONS:
                known.clear()
            known[task_definition] = _candidates(answer["taskDefinition"]["containerDefinitions"])
        return refers(known[task_definition], self.user)

    def _holds(self, task: Known) -> bool:
        return refers(task.overrides, self.user) or self.refers(task.definition)

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


def _known(described: dict[str, Any]) -> Known:
    return Known(
        definition=described["taskDefinitionArn"],
        group=described.get("group") or described.get("startedBy") or "no group",
        overrides=_candidates(described.get("overrides")),
    )


def _candidates(definition: Any) -> tuple[str, ...]:
    """The texts in JSON that may name a user's secret."""
    return tuple(text for text in texts(definition) if _OF_A_USER in text)
