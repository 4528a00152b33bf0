"""Custom::ListenerPriority against DynamoDB and a load balancer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from typing import Any

import boto3
import pytest

from custom_resources.listener_priority.reservations import Owner, Purpose, Reservations
from custom_resources.shared import aws as functions_aws
from local_aws.control import LocalAws
from tests.integration.custom_resources.conftest import NOT_FOUND
from tests.integration.custom_resources.support import (
    Answer,
    CloudFormation,
    InterruptedClient,
    Interruption,
    Killed,
    interruptions,
)

Send = Callable[..., Answer]
Properties = dict[str, Any]


@pytest.fixture
def properties(new_listener: Callable[[], str]) -> Properties:
    return {"ListenerArn": new_listener()} | routed("own.test")


def routed(*hosts: str) -> Properties:
    """The properties of a rule for host names."""
    config = {"Values": list(hosts)}
    return {"Conditions": [{"Field": "host-header", "HostHeaderConfig": config}]}


def delete_stack(aws: LocalAws, stack: str) -> None:
    aws.client("cloudformation").delete_stack(StackName=stack)
    aws.client("cloudformation").get_waiter("stack_delete_complete").wait(
        StackName=stack, WaiterConfig={"Delay": 0.1, "MaxAttempts": 100}
    )


def add_rules(elbv2: Any, properties: Properties, priorities: Iterator[int] | range) -> None:
    for priority in priorities:
        elbv2.create_rule(
            ListenerArn=properties["ListenerArn"],
            Priority=priority,
            Conditions=[{"Field": "host-header", "Values": [f"h{priority}.test"]}],
            Actions=[NOT_FOUND],
        )


@pytest.fixture
def send(cfn: CloudFormation, table: str, stack_id: str) -> Send:
    from custom_resources.listener_priority.function import handler

    return partial(cfn.send, handler, stack_id=stack_id, logical_id="ListenerPriority")


def reserve(send: Send, properties: Properties, resource: str) -> str:
    """Reserve for a rule of a host name of its own."""
    given = properties | routed(f"{resource}.test")
    answer = send("Create", given, logical_id=resource)
    assert answer.succeeded, answer.reason
    return answer.data["Priority"]


def foreign_rule(elbv2: Any, properties: Properties, host: str, priority: int) -> None:
    """A rule that a person made."""
    elbv2.create_rule(
        ListenerArn=properties["ListenerArn"],
        Priority=priority,
        Conditions=[{"Field": "host-header", "Values": [host]}],
        Actions=[NOT_FOUND],
    )


def test_everyone_gets_a_number_and_keeps_it(send: Send, properties: Properties) -> None:
    numbers = [reserve(send, properties, name) for name in "ABC"]

    assert len(set(numbers)) == 3
    assert [reserve(send, properties, name) for name in "ABC"] == numbers


def test_an_update_of_something_else_keeps_number_and_id(
    send: Send, elbv2: Any, properties: Properties
) -> None:
    created = send("Create", properties)
    foreign_rule(elbv2, properties, "own.test", int(created.data["Priority"]))
    updated = send("Update", properties, physical_id=created.physical_id)

    assert (updated.data, updated.physical_id) == (created.data, created.physical_id)


def test_a_later_rule_that_is_more_exact_comes_first(send: Send, properties: Properties) -> None:
    wild = send("Create", properties | routed("*.example.org"), logical_id="Wild")
    late = send("Create", properties | routed("late.example.org"), logical_id="Late")
    wilder = send("Create", properties | routed("*.org"), logical_id="Wilder")

    numbers = [int(answer.data["Priority"]) for answer in (late, wild, wilder)]
    assert numbers == sorted(numbers)


def test_the_second_of_a_name_is_refused_by_the_firsts_stack(
    send: Send, properties: Properties, new_stack: Callable[[], str]
) -> None:
    other = new_stack()
    send("Create", properties, stack_id=other)
    refused = send("Create", properties | routed("OWN.test"))

    assert f"the stack {other.split('/')[1]} (number " in refused.reason
    assert "host-header own.test" in refused.reason
    assert refused.physical_id == "not-created:ListenerPriority"


def test_a_name_of_a_rule_that_nobody_reserved_is_refused_with_its_action(
    send: Send, elbv2: Any, properties: Properties
) -> None:
    foreign_rule(elbv2, properties, "own.test", 7)

    reason = send("Create", properties).reason
    assert "a rule that Quayside didn't make (number 7, fixed-response)" in reason


def test_another_name_is_another_number_and_a_rollback_finds_the_old_one(
    send: Send, properties: Properties, new_stack: Callable[[], str]
) -> None:
    created = send("Create", properties)
    other = properties | routed("other.test")
    moved = send("Update", other, physical_id=created.physical_id)
    assert moved.physical_id != created.physical_id
    assert moved.data != created.data

    meanwhile = send("Create", properties, stack_id=new_stack())
    assert "host-header own.test is taken: the stack" in meanwhile.reason
    back = send("Update", properties, physical_id=moved.physical_id)
    assert (back.physical_id, back.data) == (created.physical_id, created.data)
    send("Delete", other, physical_id=moved.physical_id)  # CloudFormation cleans up
    assert send("Create", other, stack_id=new_stack()).succeeded


def test_a_name_that_was_left_is_free(
    send: Send, properties: Properties, new_stack: Callable[[], str]
) -> None:
    created = send("Create", properties)
    send("Update", properties | routed("other.test"), physical_id=created.physical_id)
    send("Delete", properties, physical_id=created.physical_id)

    assert send("Create", properties, stack_id=new_stack()).succeeded


def test_a_name_is_free_when_its_stack_is_gone_even_if_its_number_was_left(
    send: Send, properties: Properties, new_stack: Callable[[], str], aws: LocalAws
) -> None:
    left_behind = new_stack()
    send("Create", properties, stack_id=left_behind)
    delete_stack(aws, left_behind)

    assert send("Create", properties).succeeded


def test_a_name_that_a_stack_at_rest_has_left_is_free_even_if_its_number_was_left(
    send: Send, elbv2: Any, properties: Properties, new_stack: Callable[[], str]
) -> None:
    other = new_stack()
    created = send("Create", properties, stack_id=other)
    moved = send(
        "Update",
        properties | routed("other.test"),
        stack_id=other,
        physical_id=created.physical_id,
    )
    assert not send("Create", properties).succeeded
    foreign_rule(elbv2, properties, "other.test", int(moved.data["Priority"]))

    assert send("Create", properties).succeeded


def test_a_name_is_taken_over_and_comes_back(
    send: Send, properties: Properties, new_stack: Callable[[], str]
) -> None:
    new, old = new_stack(), new_stack()
    first = send("Create", properties, stack_id=old)
    own = send("Create", properties | routed("new.test"), stack_id=new)

    def take_over(stack: str, other: str, before: Answer) -> Answer:
        wanted = properties | {"TakesOver": other.split("/")[1]}
        return send("Update", wanted, stack_id=stack, physical_id=before.physical_id)

    over = take_over(new, old, own)
    assert int(over.data["Priority"]) == int(first.data["Priority"]) - 1
    back = take_over(old, new, first)
    assert int(back.data["Priority"]) == int(over.data["Priority"]) - 1


@pytest.fixture
def reservations(aws: LocalAws, table: str, properties: Properties) -> Reservations:
    return Reservations(aws.client("dynamodb"), table, properties["ListenerArn"])


@pytest.fixture
def old_rule(
    reservations: Reservations, stack_id: str, elbv2: Any, properties: Properties
) -> Properties:
    """The properties of an older template's rule, which has the number 1."""
    assert reservations.reserve(Owner(stack_id, "ListenerPriority"), 1, Purpose(None))
    foreign_rule(elbv2, properties, "own.test", 1)
    return {"ListenerArn": properties["ListenerArn"]}


def test_a_stack_of_an_older_template_keeps_its_number_until_it_names_its_conditions(
    send: Send, properties: Properties, old_rule: Properties, reservations: Reservations
) -> None:
    old, old_id = old_rule, f"listener-priority:{properties['ListenerArn']}"

    kept = send("Update", old, physical_id=old_id)
    assert (kept.physical_id, kept.data) == (old_id, {"Priority": "1"})
    moved = send("Update", properties, physical_id=old_id)
    assert int(moved.data["Priority"]) > 20_000
    back = send("Update", old, physical_id=moved.physical_id)
    assert (back.physical_id, back.data) == (old_id, {"Priority": "1"})
    assert send("Update", properties, physical_id=old_id).data == moved.data
    send("Delete", old, physical_id=old_id)
    assert [each.priority for each in reservations.all()] == [int(moved.data["Priority"])]


def test_a_stack_of_an_older_template_keeps_the_requests_that_another_of_its_name_never_got(
    *,
    send: Send,
    elbv2: Any,
    properties: Properties,
    old_rule: Properties,
    reservations: Reservations,
    new_stack: Callable[[], str],
    stack_id: str,
) -> None:
    other, old_id = new_stack(), f"listener-priority:{properties['ListenerArn']}"
    assert reservations.reserve(Owner(other, "ListenerPriority"), 2, Purpose(None))
    foreign_rule(elbv2, properties, "own.test", 2)

    refused = send("Update", properties, physical_id=old_id, stack_id=other)
    assert f"the stack {stack_id.split('/')[1]} (number 1) has" in refused.reason
    kept = send("Update", properties, physical_id=old_id)
    assert kept.data == {"Priority": "1"}
    assert send("Update", old_rule, physical_id=kept.physical_id).data == {"Priority": "1"}
    send("Delete", properties, physical_id=kept.physical_id)
    assert sorted(each.priority for each in reservations.all()) == [1, 2]

    again = send("Update", properties, physical_id=old_id)
    send("Delete", old_rule, physical_id=old_id)
    assert sorted(each.priority for each in reservations.all()) == [1, 2]
    assert not reservations.reserve(Owner(other, "Another"), 1, Purpose(None))
    send("Delete", properties, physical_id=again.physical_id)
    assert [each.priority for each in reservations.all()] == [2]
    assert reservations.reserve(Owner(other, "Another"), 1, Purpose(None))


def test_a_new_stack_of_an_older_template_is_refused(send: Send, properties: Properties) -> None:
    refused = send("Create", {"ListenerArn": properties["ListenerArn"]})
    assert "Property Conditions is missing" in refused.reason


def test_a_foreign_rule_on_a_reserved_priority_is_named(
    send: Send, elbv2: Any, properties: Properties
) -> None:
    created = send("Create", properties)
    foreign_rule(elbv2, properties, "own.test", int(created.data["Priority"]))

    assert "but a rule of someone else has it" in send("Create", properties).reason


def test_two_listeners_count_for_themselves(
    send: Send, properties: Properties, new_listener: Callable[[str], str]
) -> None:
    other = properties | {"ListenerArn": new_listener("b")}
    for given in (properties, other):
        assert send("Create", given, logical_id="A").succeeded


def test_another_listener_is_a_replacement_and_the_old_priority_is_released(
    send: Send, properties: Properties, new_listener: Callable[[str], str]
) -> None:
    created = send("Create", properties)
    other = properties | {"ListenerArn": new_listener("b")}
    moved = send("Update", other, physical_id=created.physical_id)
    send("Delete", properties, physical_id=created.physical_id)

    assert moved.physical_id != created.physical_id
    assert send("Create", properties, logical_id="B").succeeded


def test_delete_may_be_repeated(send: Send, properties: Properties) -> None:
    created = send("Create", properties)
    for _ in range(2):
        assert send("Delete", properties, physical_id=created.physical_id).succeeded


def test_delete_of_a_deleted_listeners_priority_succeeds(
    send: Send, elbv2: Any, properties: Properties
) -> None:
    created = send("Create", properties)
    elbv2.delete_listener(ListenerArn=properties["ListenerArn"])

    assert send("Delete", properties, physical_id=created.physical_id).succeeded


@pytest.mark.parametrize("physical_id", ["not-created:ListenerPriority", "stack-Priority-1ABC"])
def test_the_delete_of_what_was_never_created_succeeds(
    send: Send, properties: Properties, physical_id: str
) -> None:
    assert send("Delete", properties, physical_id=physical_id).succeeded


def test_a_full_listener_is_refused_with_the_quotas_name(
    send: Send, elbv2: Any, properties: Properties
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
    properties: Properties,
    new_stack: Callable[[], str],
) -> None:
    add_rules(elbv2, properties, range(1, 99))
    left_behind, alive = new_stack(), new_stack()
    for stack, host in ((left_behind, "left.test"), (alive, "alive.test")):
        assert send("Create", properties | routed(host), stack_id=stack).succeeded
    delete_stack(aws, left_behind)

    assert send("Create", properties).succeeded
    other = properties | routed("another.test")
    assert "is full" in send("Create", other, logical_id="Another").reason


def test_a_full_listener_takes_another_name_for_a_rule_that_is_there(
    send: Send, elbv2: Any, properties: Properties
) -> None:
    created = send("Create", properties)
    foreign_rule(elbv2, properties, "own.test", int(created.data["Priority"]))
    add_rules(elbv2, properties, range(1, 100))

    moved = send("Update", properties | routed("x.test"), physical_id=created.physical_id)
    assert moved.succeeded, moved.reason


def test_a_table_that_is_missing_is_named(
    send: Send, properties: Properties, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TABLE_NAME", "nowhere")

    refused = send("Create", properties)

    assert refused.reason == ("There is no DynamoDB table nowhere. Deploy the support stack again.")
    assert send("Delete", properties, physical_id=refused.physical_id).succeeded


def test_a_denied_call_is_named(
    send: Send, aws: LocalAws, properties: Properties, monkeypatch: pytest.MonkeyPatch
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


def test_a_priority_costs_three_calls_beyond_the_rules(
    send: Send, properties: Properties, calls: list[str]
) -> None:
    reserve(send, properties, "A")

    assert sorted(calls) == ["DescribeRules", "Query", "Query", "TransactWriteItems"]


def test_it_can_be_killed_anywhere_and_its_repetition_converges(
    send: Send, properties: Properties, monkeypatch: pytest.MonkeyPatch
) -> None:
    created = send("Create", properties)
    physical_id = created.physical_id
    send("Delete", properties, physical_id=physical_id)

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
                assert send("Create", properties).succeeded
            assert send("Delete", properties, physical_id=physical_id).succeeded
            other = send("Create", properties, logical_id="Other")
            assert other.succeeded, other.reason
            send("Delete", properties, logical_id="Other", physical_id=physical_id)
        send("Delete", properties, physical_id=physical_id)
