"""How often a rotation asks ECS, by the size of the cluster.

ECS gives reads of tasks some twenty times a second, to the whole account (developer guide, "Request
throttling"), and services rotate in the same two hours. Before, the whole cluster was read three
times a rotation: 17, 121, 1,129 and 5,209 calls.
"""

from __future__ import annotations

import datetime
import json
from collections import Counter
from itertools import count
from types import SimpleNamespace
from typing import Any

import boto3
import pytest

from custom_resources.contract.cluster import Memory
from custom_resources.contract.names import ServiceUser
from custom_resources.rotation.rotate.guard import Guard, Refusal

NOW = datetime.datetime(2026, 11, 15, 3, 0, tzinfo=datetime.UTC)
ARN = "arn:aws:ecs:eu-central-1:123456789012:"
_PAGE = 100


class Ecs:
    """A cluster of many services whose tasks name their own blue secrets; it counts the calls.

    Revisions of the family `idle` name the green secret of the first service.
    """

    def __init__(self, services: int, tasks: int) -> None:
        self.services = services
        self.tasks = {f"{ARN}task/shop/{n}": f"s{n % services}" for n in range(services * tasks)}
        self.calls: Counter[str] = Counter()
        self.client = boto3.client(
            "ecs",
            region_name="eu-central-1",
            aws_access_key_id="none",
            aws_secret_access_key="none",
        )
        self.client.meta.events.register("before-call.ecs", self._answer)

    def _answer(self, model: Any, params: dict[str, Any], **_: Any) -> tuple[Any, dict[str, Any]]:
        self.calls[model.name] += 1
        answer = getattr(self, model.name)(json.loads(params["body"]))
        return SimpleNamespace(status_code=200), answer

    def DescribeServices(self, request: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        (name,) = request["services"]
        deployment = {"id": "1", "status": "PRIMARY", "rolloutState": "COMPLETED"}
        counts = dict.fromkeys(("desiredCount", "runningCount", "pendingCount"), 1)
        definition = {"taskDefinition": f"{ARN}task-definition/{name}:1"}
        return {"services": [{"deployments": [deployment | counts | definition]}]}

    def ListServiceDeployments(self, _: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        return {"serviceDeployments": []}

    def ListTasks(self, request: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        if request["desiredStatus"] == "STOPPED":
            return {"taskArns": []}
        arns = list(self.tasks)
        start = int(request.get("nextToken", 0))
        more = {"nextToken": str(start + _PAGE)} if start + _PAGE < len(arns) else {}
        return {"taskArns": arns[start : start + _PAGE], **more}

    def DescribeTasks(self, request: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        definition = f"{ARN}task-definition/%s:1"
        return {
            "tasks": [
                {
                    "taskArn": arn,
                    "taskDefinitionArn": definition % self.tasks[arn],
                    "lastStatus": "RUNNING",
                }
                for arn in request["tasks"]
            ]
        }

    def DescribeTaskDefinition(self, request: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        name = request["taskDefinition"].rsplit("/", 1)[-1].removesuffix(":1")
        user = "s0/db/green" if name == "idle" else f"{name}/db/blue"
        secret = {"name": "DB_PASSWORD", "valueFrom": f"{ARN}secret:shop/{user}-aBc123"}
        return {"taskDefinition": {"containerDefinitions": [{"secrets": [secret]}]}}


class CloudFormation:
    def describe_stacks(self, *, StackName: str) -> dict[str, Any]:  # noqa: N803
        parameters = [{"ParameterKey": "ActiveUser", "ParameterValue": "blue"}]
        stack = {"StackId": f"arn:stack/{StackName}/1", "StackStatus": "UPDATE_COMPLETE"}
        return {"Stacks": [stack | {"Parameters": parameters}]}


def guard_of(ecs: Ecs, service: int, memory: Memory) -> Guard:
    return Guard(
        user=ServiceUser("shop", f"s{service}", "green"),
        cloudformation=CloudFormation(),
        ecs=ecs.client,
        settling=datetime.timedelta(0),
        clock=iter(NOW + datetime.timedelta(seconds=n) for n in count()).__next__,
        memory=memory,
    )


def calls_of_a_rotation(ecs: Ecs, service: int, memory: Memory) -> int:
    """Look as a rotation does: in createSecret, and before and after ALTER ROLE in setSecret."""
    before = ecs.calls.total()
    guard = guard_of(ecs, service, memory)
    for _ in range(3):
        guard.check(lambda: 0)
    return ecs.calls.total() - before


@pytest.mark.parametrize(
    ("services", "tasks", "first", "next_ones"),
    [(1, 1, 14, 12), (50, 1, 63, 12), (500, 4, 589, 69), (2000, 10, 2809, 609)],
)
def test_a_rotation_asks_for_what_changes_only(
    services: int, tasks: int, first: int, next_ones: int
) -> None:
    ecs, memory = Ecs(services, tasks), Memory()

    assert calls_of_a_rotation(ecs, 0, memory) == first
    later = [calls_of_a_rotation(ecs, n % services, memory) for n in range(1, 4)]
    print(f"{services} services of {tasks} tasks: {ecs.calls}, later {later}")
    assert max(later) == next_ones


def test_a_task_is_forgotten_when_it_is_gone() -> None:
    ecs, memory = Ecs(50, 2), Memory()
    calls_of_a_rotation(ecs, 0, memory)
    gone = f"{ARN}task/shop/7"
    del ecs.tasks[gone]
    calls_of_a_rotation(ecs, 1, memory)

    assert set(memory.tasks) == set(ecs.tasks)


@pytest.mark.parametrize("looks", [1, 2])
def test_a_task_of_another_family_that_began_between_two_looks_is_seen_by_the_next(
    looks: int,
) -> None:
    """And costs no more than what is new: the cluster's pages, this task and its definition."""
    ecs, memory = Ecs(500, 4), Memory()
    guard = guard_of(ecs, 0, memory)
    for _ in range(looks):
        guard.check(lambda: 0)
    ecs.tasks[f"{ARN}task/shop/by-hand"] = "idle"
    ecs.calls.clear()

    with pytest.raises(Refusal, match="task by-hand "):
        guard.check(lambda: 0)
    assert ecs.calls["ListTasks"] == 22
    assert (ecs.calls["DescribeTasks"], ecs.calls["DescribeTaskDefinition"]) == (1, 1)
