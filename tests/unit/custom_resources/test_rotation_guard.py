"""Reading AWS's answers that the local AWS can't give, checked against boto3's models."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import boto3
import pytest
from botocore.exceptions import UnStubbedResponseError
from botocore.stub import Stubber

from custom_resources.contract.cluster import Memory
from custom_resources.contract.names import ServiceUser
from custom_resources.rotation.rotate.guard import Guard, Refusal
from custom_resources.shared import stacks
from custom_resources.shared.failure import Failure

NOW = datetime.datetime(2026, 11, 15, 3, 0, tzinfo=datetime.UTC)
LONG_AGO = NOW - datetime.timedelta(days=30)
GREEN = ServiceUser("shop", "orders", "green")
ECS = "arn:aws:ecs:eu-central-1:123456789012"
STACK = {
    "StackId": "arn:aws:cloudformation:eu-central-1:123456789012:stack/shop-service-orders/1",
    "StackName": "shop-service-orders",
    "CreationTime": LONG_AGO,
    "StackStatus": "UPDATE_COMPLETE",
    "Parameters": [{"ParameterKey": "ActiveUser", "ParameterValue": "blue"}],
}
REQUEST = {"cluster": "shop", "service": "orders"}


@pytest.fixture
def stubs() -> Iterator[dict[str, Stubber]]:
    """Clients that take their answers from a list."""
    with ExitStack() as stack:
        yield {
            name: stack.enter_context(
                Stubber(
                    boto3.client(
                        name,
                        region_name="eu-central-1",
                        aws_access_key_id="none",
                        aws_secret_access_key="none",
                    )
                )
            )
            for name in ("cloudformation", "ecs")
        }


def guard(stubs: dict[str, Stubber]) -> Guard:
    return Guard(
        user=GREEN,
        cloudformation=stubs["cloudformation"].client,
        ecs=stubs["ecs"].client,
        settling=datetime.timedelta(seconds=300),
        clock=lambda: NOW,
    )


def answer(
    stubs: dict[str, Stubber],
    pages: list[list[dict[str, Any]]],
    tasks: tuple[int, int] | None = (0, 0),
) -> None:
    """Queue the answers to one look: service deployments by page; running and draining tasks, None
    if they aren't asked for."""
    stubs["cloudformation"].add_response("describe_stacks", {"Stacks": [STACK]})
    ecs = stubs["ecs"]
    deployment = {
        "id": "ecs-svc/1",
        "status": "PRIMARY",
        "rolloutState": "COMPLETED",
        "desiredCount": 1,
        "runningCount": 1,
        "pendingCount": 0,
        "taskDefinition": f"{ECS}:task-definition/shop-orders:1",
        "updatedAt": LONG_AGO,
    }
    ecs.add_response("describe_services", {"services": [{"deployments": [deployment]}]})
    ecs.add_response("describe_task_definition", definition("blue"))
    for number, page in enumerate(pages):
        token = {"nextToken": str(number)} if number else {}
        more = {"nextToken": str(number + 1)} if number + 1 < len(pages) else {}
        listed = {"serviceDeployments": page, **more}
        ecs.add_response("list_service_deployments", listed, {**REQUEST, **token})
    if tasks is None:
        return
    running, draining = (
        task_arns(state, number) for state, number in zip("rd", tasks, strict=True)
    )
    for arns, desired in ((running, "RUNNING"), (draining, "STOPPED")):
        expected: dict[str, Any] = {"cluster": "shop", "desiredStatus": desired}
        ecs.add_response("list_tasks", {"taskArns": arns}, expected)
    every = [*running, *draining]
    for start in range(0, len(every), 100):
        described = [task(arn) for arn in every[start : start + 100]]
        expected = {"cluster": "shop", "tasks": every[start : start + 100]}
        ecs.add_response("describe_tasks", {"tasks": described}, expected)


def task_arns(state: str, number: int) -> list[str]:
    return [f"{ECS}:task/shop/{state}{n}" for n in range(number)]


def task(arn: str) -> dict[str, Any]:
    last = arn.endswith("/d9")
    return {
        "taskArn": arn,
        "taskDefinitionArn": f"{ECS}:task-definition/shop-orders:{0 if last else 1}",
        "lastStatus": "DEPROVISIONING" if last else "RUNNING",
        "group": "service:orders",
    }


def definition(colour: str) -> dict[str, Any]:
    secret = (
        f"arn:aws:secretsmanager:eu-central-1:123456789012:secret:shop/orders/db/{colour}-aBc123"
    )
    secrets = [{"name": "DB_PASSWORD", "valueFrom": f"{secret}:password::"}]
    return {"taskDefinition": {"containerDefinitions": [{"name": "app", "secrets": secrets}]}}


def service_deployment(name: str, status: str, finished: bool) -> dict[str, Any]:
    arn = f"{ECS}:service-deployment/shop/orders/{name}"
    ended = {"finishedAt": LONG_AGO} if finished else {}
    return {"serviceDeploymentArn": arn, "status": status, **ended}


def test_service_deployments_are_read_to_the_last_page(stubs: dict[str, Stubber]) -> None:
    done = [service_deployment(f"s{n}", "SUCCESSFUL", True) for n in range(3)]
    last = service_deployment("s9", "ROLLBACK_IN_PROGRESS", False)
    answer(stubs, [done[:2], done[2:], [last]], tasks=None)

    with pytest.raises(Refusal, match="service deployment s9 is ROLLBACK_IN_PROGRESS"):
        guard(stubs).check(lambda: 0)
    stubs["ecs"].assert_no_pending_responses()


def test_tasks_are_described_a_hundred_at_a_time_draining_ones_too(
    stubs: dict[str, Stubber],
) -> None:
    answer(stubs, [[]], tasks=(195, 10))
    # The one old task that drains has an older revision.
    stubs["ecs"].add_response(
        "describe_task_definition",
        definition("green"),
        {"taskDefinition": f"{ECS}:task-definition/shop-orders:0"},
    )

    with pytest.raises(Refusal, match=r"task d9 \(service:orders\) is DEPROVISIONING and refers"):
        guard(stubs).check(lambda: 0)
    stubs["ecs"].assert_no_pending_responses()


def test_a_revision_that_ecs_tells_no_more_counts_as_the_users_and_stops_no_rotation_for_good(
    stubs: dict[str, Stubber],
) -> None:
    """An INACTIVE one is told only while an active task or service refers to it."""
    answer(stubs, [[]], tasks=(0, 10))
    stubs["ecs"].add_client_error(
        "describe_task_definition", "ClientException", "Unable to describe task definition."
    )
    with pytest.raises(Refusal, match=r"task d9 \(service:orders\) is DEPROVISIONING and refers"):
        guard(stubs).check(lambda: 0)
    stubs["ecs"].assert_no_pending_responses()


def test_a_task_that_holds_the_secret_is_asked_for_its_status_each_time(
    stubs: dict[str, Stubber],
) -> None:
    """And for nothing else: what is in a task and in its definition's revision never changes."""
    green, (holder,) = definition("green"), [f"{ECS}:task/shop/d9"]
    ecs, memory = stubs["ecs"], Memory()
    just_now, long_ago = (
        NOW - datetime.timedelta(seconds=299),
        NOW - datetime.timedelta(seconds=300),
    )
    looks: list[tuple[str, dict[str, Any], str]] = [
        ("RUNNING", {}, "is RUNNING and"),
        ("DEPROVISIONING", {}, "is DEPROVISIONING and"),
        ("STOPPED", {}, "stopped at 03:00:00 UTC, and 300 s must pass"),
        ("STOPPED", {"stoppedAt": just_now}, "stopped at 02:55:01 UTC, and 300 s must pass"),
        ("STOPPED", {"stoppedAt": long_ago}, ""),
    ]
    for status, more, said in looks:
        stubs["cloudformation"].add_response("describe_stacks", {"Stacks": [STACK]})
        ecs.add_response("describe_services", {"services": [{"deployments": []}]})
        ecs.add_response("list_service_deployments", {"serviceDeployments": []})
        for arns in ([holder], []):
            ecs.add_response("list_tasks", {"taskArns": arns})
        described = task(holder) | {"lastStatus": status} | more
        ecs.add_response("describe_tasks", {"tasks": [described]})
        if status == "RUNNING":
            ecs.add_response("describe_task_definition", green)
        one = replace(guard(stubs), memory=memory)
        if said:
            with pytest.raises(Refusal, match=said):
                one.check(lambda: 0)
        else:
            one.check(lambda: 0)
        ecs.assert_no_pending_responses()


def test_a_quiet_service_is_allowed_and_looked_at_anew_each_time(
    stubs: dict[str, Stubber],
) -> None:
    finished = [service_deployment("s1", "SUCCESSFUL", True)]
    one = guard(stubs)
    answer(stubs, [finished], tasks=(1, 0))
    one.check(lambda: 0)
    stubs["ecs"].assert_no_pending_responses()

    with pytest.raises(UnStubbedResponseError):
        one.check(lambda: 0)


def test_sessions_are_counted_only_if_nothing_else_forbids_it(stubs: dict[str, Stubber]) -> None:
    answer(stubs, [[service_deployment("s1", "PENDING", False)]])

    with pytest.raises(Refusal, match="s1 is PENDING"):
        guard(stubs).check(lambda: pytest.fail("a login for nothing"))


def test_a_service_that_is_not_there_is_named(stubs: dict[str, Stubber]) -> None:
    stubs["cloudformation"].add_response("describe_stacks", {"Stacks": [STACK]})
    stubs["ecs"].add_response("describe_services", {"services": []})

    with pytest.raises(Failure, match="no ECS service orders in the cluster shop"):
        guard(stubs).check(lambda: 0)


def test_what_a_stack_says_of_itself_is_read(stubs: dict[str, Stubber]) -> None:
    told = STACK | {
        "RoleARN": "arn:aws:iam::123456789012:role/deployment",
        "Capabilities": ["CAPABILITY_IAM"],
        "ParentId": STACK["StackId"],
    }
    stubs["cloudformation"].add_response("describe_stacks", {"Stacks": [told]})
    stack = stacks.describe_service(stubs["cloudformation"].client, "shop-service-orders")

    assert stack.is_nested
    assert stack.role_arn.endswith("role/deployment")
    assert stack.capabilities == ("CAPABILITY_IAM",)
    assert (stack.name, stack.active_user) == ("shop-service-orders", "blue")


def test_a_stack_that_is_not_there_is_named(stubs: dict[str, Stubber]) -> None:
    stubs["cloudformation"].add_client_error(
        "describe_stacks", "ValidationError", "Stack with id shop-service-orders does not exist"
    )

    with pytest.raises(Failure, match="There is no stack shop-service-orders"):
        stacks.describe_service(stubs["cloudformation"].client, "shop-service-orders")
