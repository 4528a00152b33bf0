"""Custom::ListenerPriority against DynamoDB and a load balancer."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import Any

import boto3
import pytest
from botocore.config import Config

from custom_resources.shared import aws as functions_aws
from local_aws.control import LocalAws
from tests.integration.custom_resources.support import (
    Answer,
    CloudFormation,
    InterruptedClient,
    Interruption,
    Killed,
    interruptions,
)

Send = Callable[..., Answer]


@pytest.fixture
def table(aws: LocalAws, name: str, monkeypatch: pytest.MonkeyPatch) -> str:
    aws.client("dynamodb").create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[
            {"AttributeName": "ListenerArn", "KeyType": "HASH"},
            {"AttributeName": "Entry", "KeyType": "RANGE"},
        ],
        AttributeDefinitions=[
            {"AttributeName": "ListenerArn", "AttributeType": "S"},
            {"AttributeName": "Entry", "AttributeType": "S"},
        ],
    )
    monkeypatch.setenv("TABLE_NAME", name)
    return name


@pytest.fixture
def elbv2(aws: LocalAws) -> Any:
    return aws.client("elbv2")


@pytest.fixture
def new_listener(aws: LocalAws, elbv2: Any, name: str) -> Callable[[], str]:
    def make(suffix: str = "") -> str:
        network = aws.client("ec2").describe_subnets()["Subnets"]
        subnets = [subnet["SubnetId"] for subnet in network[:2]]
        created = elbv2.create_load_balancer(Name=f"{name}{suffix}", Subnets=subnets)
        answer = elbv2.create_listener(
            LoadBalancerArn=created["LoadBalancers"][0]["LoadBalancerArn"],
            Protocol="HTTP",
            Port=80,
            DefaultActions=[_NOT_FOUND],
        )
        return str(answer["Listeners"][0]["ListenerArn"])

    return make


@pytest.fixture
def properties(new_listener: Callable[[], str]) -> dict[str, str]:
    return {"ListenerArn": new_listener()}


_NOT_FOUND = {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}


def add_rules(elbv2: Any, properties: dict[str, str], priorities: Iterator[int] | range) -> None:
    for priority in priorities:
        elbv2.create_rule(
            ListenerArn=properties["ListenerArn"],
            Priority=priority,
            Conditions=[{"Field": "host-header", "Values": [f"h{priority}.test"]}],
            Actions=[_NOT_FOUND],
        )


@pytest.fixture
def send(cfn: CloudFormation, table: str, stack_id: str) -> Send:
    from custom_resources.listener_priority.function import handler

    return partial(cfn.send, handler, stack_id=stack_id, logical_id="ListenerPriority")


def reserve(send: Send, properties: dict[str, str], resource: str) -> str:
    answer = send("Create", properties, logical_id=resource)
    assert answer.succeeded, answer.reason
    return answer.data["Priority"]


def test_the_lowest_priority_comes_first(send: Send, properties: dict[str, str]) -> None:
    assert [reserve(send, properties, name) for name in "ABC"] == ["1", "2", "3"]


def test_a_gap_is_filled(send: Send, properties: dict[str, str]) -> None:
    for resource in "ABC":
        reserve(send, properties, resource)
    physical_id = f"listener-priority:{properties['ListenerArn']}"
    send("Delete", properties, logical_id="B", physical_id=physical_id)

    assert reserve(send, properties, "D") == "2"


def test_an_update_keeps_the_priority(send: Send, properties: dict[str, str]) -> None:
    reserve(send, properties, "A")
    created = send("Create", properties)
    updated = send("Update", properties, physical_id=created.physical_id)

    assert (updated.data, updated.physical_id) == (created.data, created.physical_id)


def test_an_update_keeps_the_priority_that_the_stacks_own_rule_has(
    send: Send, elbv2: Any, properties: dict[str, str]
) -> None:
    created = send("Create", properties)
    add_rules(elbv2, properties, range(1, 2))

    updated = send("Update", properties, physical_id=created.physical_id)
    assert updated.data["Priority"] == "1"


def test_a_create_that_is_sent_twice_gets_one_priority(
    send: Send, properties: dict[str, str]
) -> None:
    assert reserve(send, properties, "A") == reserve(send, properties, "A") == "1"
    assert reserve(send, properties, "B") == "2"


def test_the_priority_of_a_rule_that_nobody_reserved_is_left_out(
    send: Send, elbv2: Any, properties: dict[str, str]
) -> None:
    add_rules(elbv2, properties, range(1, 3))

    assert reserve(send, properties, "A") == "3"


def test_a_foreign_rule_on_a_reserved_priority_is_named(
    send: Send, elbv2: Any, properties: dict[str, str]
) -> None:
    send("Create", properties)
    add_rules(elbv2, properties, range(1, 2))

    assert "but a rule of someone else has it" in send("Create", properties).reason


def test_two_listeners_count_for_themselves(
    send: Send, properties: dict[str, str], new_listener: Callable[[str], str]
) -> None:
    assert reserve(send, properties, "A") == "1"
    assert reserve(send, {"ListenerArn": new_listener("b")}, "A") == "1"


def test_another_listener_is_a_replacement_and_the_old_priority_is_released(
    send: Send, properties: dict[str, str], new_listener: Callable[[str], str]
) -> None:
    created = send("Create", properties)
    moved = send("Update", {"ListenerArn": new_listener("b")}, physical_id=created.physical_id)
    send("Delete", properties, physical_id=created.physical_id)

    assert moved.physical_id != created.physical_id
    assert reserve(send, properties, "B") == "1"


def test_delete_may_be_repeated(send: Send, properties: dict[str, str]) -> None:
    created = send("Create", properties)
    for _ in range(2):
        assert send("Delete", properties, physical_id=created.physical_id).succeeded


def test_delete_of_a_deleted_listeners_priority_succeeds(
    send: Send, elbv2: Any, properties: dict[str, str]
) -> None:
    created = send("Create", properties)
    elbv2.delete_listener(ListenerArn=properties["ListenerArn"])

    assert send("Delete", properties, physical_id=created.physical_id).succeeded


@pytest.mark.parametrize("physical_id", ["not-created:ListenerPriority", "stack-Priority-1ABC"])
def test_the_delete_of_what_was_never_created_succeeds(
    send: Send, properties: dict[str, str], physical_id: str
) -> None:
    assert send("Delete", properties, physical_id=physical_id).succeeded


def test_a_full_listener_is_refused_with_the_quotas_name(
    send: Send, elbv2: Any, properties: dict[str, str]
) -> None:
    add_rules(elbv2, properties, range(1, 101))

    refused = send("Create", properties)

    assert "is full: it uses all 100 rules" in refused.reason
    assert "Rules per Application Load Balancer" in refused.reason
    assert send("Delete", properties, physical_id=refused.physical_id).succeeded


def test_a_full_listener_reclaims_what_a_deleted_stack_left_behind(
    send: Send,
    aws: LocalAws,
    elbv2: Any,
    properties: dict[str, str],
    new_stack: Callable[[], str],
) -> None:
    add_rules(elbv2, properties, range(1, 99))
    left_behind, alive = new_stack(), new_stack()
    assert send("Create", properties, stack_id=left_behind).data["Priority"] == "99"
    assert send("Create", properties, stack_id=alive).data["Priority"] == "100"
    aws.client("cloudformation").delete_stack(StackName=left_behind)
    aws.client("cloudformation").get_waiter("stack_delete_complete").wait(
        StackName=left_behind, WaiterConfig={"Delay": 0.1, "MaxAttempts": 100}
    )

    assert send("Create", properties).data["Priority"] == "99"
    assert "is full" in send("Create", properties, logical_id="Another").reason


def test_a_table_that_is_missing_is_named(
    send: Send, properties: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TABLE_NAME", "nowhere")

    refused = send("Create", properties)

    assert refused.reason == ("There is no DynamoDB table nowhere. Deploy the support stack again.")
    assert send("Delete", properties, physical_id=refused.physical_id).succeeded


def test_a_denied_call_is_named(
    send: Send, aws: LocalAws, properties: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    user = aws.client("iam")
    user.create_user(UserName="nobody")
    key = user.create_access_key(UserName="nobody")["AccessKey"]
    powerless = boto3.Session(key["AccessKeyId"], key["SecretAccessKey"])
    monkeypatch.setattr(functions_aws, "client", powerless.client)

    refused = send("Create", properties)

    assert refused.reason.startswith("DescribeRules failed with AccessDenied")
    assert refused.physical_id == "not-created:ListenerPriority"


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    made: list[str] = []

    def counting(service: str) -> Any:
        client = boto3.client(service)
        client.meta.events.register("before-call", lambda model, **_: made.append(model.name))
        return client

    monkeypatch.setattr(functions_aws, "client", counting)
    return made


def test_a_priority_costs_two_calls_beyond_the_rules(
    send: Send, properties: dict[str, str], calls: list[str]
) -> None:
    reserve(send, properties, "A")

    assert sorted(calls) == ["DescribeRules", "Query", "TransactWriteItems"]


def test_sixty_at_once_get_sixty_priorities(
    send: Send, properties: dict[str, str], table: str, aws: LocalAws
) -> None:
    from custom_resources.listener_priority.allocation import Allocation
    from custom_resources.listener_priority.reservations import Owner, Reservations

    count = 60
    together = threading.Barrier(count)
    pooled = Config(max_pool_connections=count)
    clients = [
        aws.client(service, config=pooled) for service in ("dynamodb", "elbv2", "cloudformation")
    ]
    reservations = Reservations(clients[0], table, properties["ListenerArn"])

    def one(number: int) -> int:
        together.wait()
        owner = Owner(f"stack/{number}", "ListenerPriority")
        return Allocation(reservations, *clients[1:]).priority_of(owner, rule_exists=False)

    with ThreadPoolExecutor(count) as pool:
        priorities = list(pool.map(one, range(count)))
    assert len(set(priorities)) == count
    assert reservations.all() == {
        Owner(f"stack/{number}", "ListenerPriority"): priority
        for number, priority in enumerate(priorities)
    }


def test_it_can_be_killed_anywhere_and_its_repetition_converges(
    send: Send, properties: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    physical_id = f"listener-priority:{properties['ListenerArn']}"

    def killed_during(interruption: Interruption, request_type: str) -> bool:
        def client(service: str) -> Any:
            return InterruptedClient(boto3.client(service), interruption)

        with monkeypatch.context() as patch, suppress(Killed):
            patch.setattr(functions_aws, "client", client)
            send(request_type, properties, physical_id=physical_id)
        return interruption.happened

    for request_type in ("Create", "Delete"):
        for interruption in interruptions():
            if request_type == "Delete":
                send("Create", properties)
            if not killed_during(interruption, request_type):
                break
            if request_type == "Create":
                assert send("Create", properties).data["Priority"] == "1"
            assert send("Delete", properties, physical_id=physical_id).succeeded
            assert reserve(send, properties, "Other") == "1"
            send("Delete", properties, logical_id="Other", physical_id=physical_id)
        send("Delete", properties, physical_id=physical_id)
