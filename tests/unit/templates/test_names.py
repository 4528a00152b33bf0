"""However long the names are that a user chooses, AWS takes what becomes of them."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.templates.templates import NAMES, Stack, load

# property -> what AWS takes (API references of the services)
TAKEN = {
    (
        "AWS::ElasticLoadBalancingV2::LoadBalancer",
        "Name",
    ): r"(?!internal-)[A-Za-z0-9][A-Za-z0-9-]{0,30}[A-Za-z0-9]",
    ("AWS::Lambda::Function", "FunctionName"): r"[A-Za-z0-9_-]{1,64}",
    ("AWS::DynamoDB::Table", "TableName"): r"[A-Za-z0-9_.-]{3,255}",
    ("AWS::SNS::Topic", "TopicName"): r"[A-Za-z0-9_-]{1,256}",
    ("AWS::SQS::Queue", "QueueName"): r"[A-Za-z0-9_-]{1,80}",
    ("AWS::Events::Rule", "Name"): r"[A-Za-z0-9_.-]{1,64}",
    ("AWS::ECS::Cluster", "ClusterName"): r"[A-Za-z0-9_-]{1,255}",
    ("AWS::ECS::Service", "ServiceName"): r"[A-Za-z0-9_-]{1,255}",
    ("AWS::ECS::TaskDefinition", "Family"): r"[A-Za-z0-9_-]{1,255}",
    ("AWS::KMS::Alias", "AliasName"): r"alias/(?!aws)[A-Za-z0-9/_-]{1,250}",
    ("AWS::Logs::LogGroup", "LogGroupName"): r"(?!aws/)[A-Za-z0-9_/.#-]{1,512}",
    ("AWS::SecretsManager::Secret", "Name"): r"[A-Za-z0-9/_+=.@-]{1,512}",
    ("AWS::SSM::Parameter", "Name"): r"(/(?!aws|ssm)[A-Za-z0-9_.-]+)(/[A-Za-z0-9_.-]+){0,14}",
    ("AWS::CloudWatch::Alarm", "AlarmName"): r".{1,255}",
    ("AWS::IAM::Role", "Path"): r"/|/[!-~]{1,510}/",
}


def names(template: str, parameter: str) -> st.SearchStrategy[str]:
    """Values that a parameter takes."""
    pattern = load(template)["Parameters"][parameter]["AllowedPattern"]
    return st.from_regex(pattern.replace("$", r"\Z"))


def check(resources: dict[str, Any]) -> None:
    """Compare every name with what AWS takes."""
    for key, resource in resources.items():
        for (kind, field), taken in TAKEN.items():
            if resource["Type"] == kind and field in resource.get("Properties", {}):
                name = resource["Properties"][field]
                assert re.fullmatch(taken, name), f"{key}: {name}"


@given(platform=names("service", "Platform"), service=names("service", "Name"))
def test_a_service_of_any_name(platform: str, service: str) -> None:
    given = {"Platform": platform, "Name": service, "HostName": "a.example.com"}
    given |= {"AlarmTopicArn": "topic", "ClusterName": platform}
    for template in ("service", "service_monitoring"):
        check(Stack(template, given).resources)


@given(platform=names("load_balancer", "Platform"), name=names("load_balancer", "Name"))
def test_a_load_balancer_of_any_name(platform: str, name: str) -> None:
    check(Stack("load_balancer", {"Platform": platform, "Name": name}).resources)


@given(platform=names("support", "Platform"))
def test_a_platform_of_any_name(platform: str) -> None:
    for template in ("network", "support", "deployment_role", "cluster", "rds", "rotation"):
        check(Stack(template, {"Platform": platform, "FlowLogs": "enabled"}).resources)


@pytest.mark.parametrize(("kind", "field"), TAKEN)
def test_every_rule_is_used(kind: str, field: str) -> None:
    resources = [it for name in NAMES for it in load(name)["Resources"].values()]
    assert any(it["Type"] == kind and field in it["Properties"] for it in resources)


LONGEST = {"Platform": "p" * 21, "Name": "s" * 30, "Team": "t" * 10}


@pytest.mark.parametrize("template", NAMES)
def test_the_longest_names_fit(template: str) -> None:
    longest = LONGEST | ({"Name": "n" * 10} if template == "load_balancer" else {})
    every = {"HostName": "a.example.com", "AlarmTopicArn": "topic", "FlowLogs": "enabled"}
    for parameter, value in longest.items():
        pattern = load(template)["Parameters"].get(parameter, {}).get("AllowedPattern")
        assert pattern is None or re.fullmatch(pattern, value)
        assert pattern is None or not re.fullmatch(pattern, value + value[0])
    check(Stack(template, {**longest, **every, "ClusterName": longest["Platform"]}).resources)


@pytest.mark.parametrize("name", ["shop--two", "shop-", "-shop", "aws-shop", "Shop", "s"])
@pytest.mark.parametrize("template", NAMES)
def test_a_platform_is_called_what_rds_and_s3_take_too(template: str, name: str) -> None:
    pattern = load(template)["Parameters"]["Platform"]["AllowedPattern"]
    assert not re.fullmatch(pattern, name)
    assert re.fullmatch(pattern, "shop-two-3")
