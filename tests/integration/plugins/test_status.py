"""What status.yml asks of AWS in one call for many services."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local_aws.control import LocalAws
from release import version
from tests.integration.plugins.support import Playbooks

sys.path.insert(0, str(Path(__file__).parents[3] / "collections"))
from ansible_collections.quayside.fargate.plugins.plugin_utils import services

NAMES = ("listed/orders/db/blue", "listed/orders/db/green")


@pytest.fixture
def secrets(aws: LocalAws) -> Iterator[None]:
    client = aws.client("secretsmanager")
    for name in (*NAMES, "other/orders/db/blue"):
        client.create_secret(Name=name, SecretString="{}")
    yield
    for name in (*NAMES, "other/orders/db/blue"):
        client.delete_secret(SecretId=name, ForceDeleteWithoutRecovery=True)


@pytest.mark.usefixtures("secrets")
def test_secrets_that_are_listed_are_told_as_those_that_are_asked_for_one_by_one(
    aws: LocalAws,
) -> None:
    client = aws.client("secretsmanager")
    assert services.secrets(client, "listed/") == {it: services.secret(client, it) for it in NAMES}


VERSION = version.current()
COUNT = 101  # more than are asked for one by one
TEMPLATE = json.dumps(
    {
        "Parameters": {
            name: {"Type": "String", "Default": value}
            for name, value in {
                "Platform": "crowd",
                "Database": "true",
                "DatabaseUsers": "blue-green",
                "ActiveUser": "green",
                "Rotation": "true",
            }.items()
        },
        "Conditions": {"Never": {"Fn::Equals": ["a", "b"]}},
        "Resources": {"Topic": {"Type": "AWS::SNS::Topic", "Condition": "Never"}},
        "Outputs": {"Template": {"Value": "any"}, "Version": {"Value": VERSION}},
    }
)
ALLOWED = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Action": ["cloudformation:ListStacks", "cloudwatch:DescribeAlarms"],
            "Resource": "*",
        },
        {
            "Effect": "Allow",
            "Action": "cloudformation:DescribeStacks",
            "Resource": "arn:aws:cloudformation:*:*:stack/crowd-*",
        },
        {"Effect": "Allow", "Action": "ecs:DescribeServices", "Resource": "*"},
    ],
}


@pytest.fixture(scope="module")
def crowd(aws: LocalAws) -> Iterator[list[str]]:
    """A platform of many services, each of two stacks without a resource; their names."""
    cloudformation = aws.client("cloudformation")
    names = [f"s-{number:03}" for number in range(COUNT)]
    stacks = ["crowd-support"]
    stacks += [f"crowd-{kind}-{name}" for name in names for kind in ("service", "monitoring")]
    for stack in stacks:
        cloudformation.create_stack(StackName=stack, TemplateBody=TEMPLATE)
    aws.client("secretsmanager").create_secret(Name="crowd/s-001/db/green", SecretString="{}")
    cloudformation.get_waiter("stack_create_complete").wait(
        StackName=stacks[-1], WaiterConfig={"Delay": 0.2}
    )
    yield names
    aws.client("secretsmanager").delete_secret(
        SecretId="crowd/s-001/db/green", ForceDeleteWithoutRecovery=True
    )
    for stack in stacks:
        cloudformation.delete_stack(StackName=stack)


def told(playbooks: Playbooks, **options: Any) -> dict[str, Any]:
    run = playbooks.task({"quayside.fargate.status": {"platform": "crowd", **options}})
    assert run.code == 0, run.output
    status: dict[str, Any] = run.result["status"]
    return status


def test_of_many_services_who_may_see_all_is_told_all(
    playbooks: Playbooks, crowd: list[str]
) -> None:
    status = told(playbooks)
    assert [it["service"] for it in status["services"]] == crowd
    assert {it["monitoring"]["version"] for it in status["services"]} == {VERSION}
    users = {it["service"]: [*it["users"]] for it in status["services"]}
    assert users == {name: ["green"] if name == "s-001" else [] for name in crowd}
    assert status["left_out"] == []


def test_of_many_services_who_may_not_see_all_is_told_what_is_left_out(
    aws: LocalAws, playbooks: Playbooks, crowd: list[str]
) -> None:
    iam = aws.client("iam")
    iam.create_user(UserName="crowd-reader")
    iam.put_user_policy(
        UserName="crowd-reader", PolicyName="read", PolicyDocument=json.dumps(ALLOWED)
    )
    key = iam.create_access_key(UserName="crowd-reader")["AccessKey"]
    reader = playbooks.acting_as(key["AccessKeyId"], key["SecretAccessKey"])
    status = told(reader)
    assert [it["service"] for it in status["services"]] == crowd
    assert {it["active_user"] for it in status["services"]} == {"green"}
    assert {it["monitoring"]["status"] for it in status["services"]} == {"CREATE_COMPLETE"}
    assert {it["monitoring"]["version"] for it in status["services"]} == {None}
    who, rotations, watching = status["left_out"][2], status["left_out"][0], status["left_out"][1]
    assert rotations.startswith("Left out: rotations of s-000, s-001, s-002 and 98 more, since ")
    assert watching.startswith("Left out: versions of the stacks that watch services, since ")
    assert who.startswith("Left out: who made the last deployment, since cloudtrail:LookupEvents")
    thorough = told(reader, outdated=True)
    assert {it["monitoring"]["version"] for it in thorough["services"]} == {VERSION}
