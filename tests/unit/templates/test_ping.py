"""Functions in a VPC are called once a day, so that they don't become inactive."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.unit.templates.templates import of_type

IN_A_VPC = sorted(
    key
    for key, function in of_type("support", "AWS::Lambda::Function").items()
    if "VpcConfig" in function["Properties"]
)
DAYS_TO_INACTIVE = 14


def arn(function: str) -> dict[str, Any]:
    return {"Fn::GetAtt": [function, "Arn"]}


def rule() -> dict[str, Any]:
    properties: dict[str, Any] = of_type("support", "AWS::Events::Rule")["PingRule"]["Properties"]
    return properties


def test_the_rule_pings_every_function_in_a_vpc_and_no_other() -> None:
    targets = rule()["Targets"]
    assert sorted(target["Arn"]["Fn::GetAtt"][0] for target in targets) == IN_A_VPC
    assert all(json.loads(target["Input"]) == {"quayside": "ping"} for target in targets)
    assert rule()["ScheduleExpression"] == "rate(1 day)"


@pytest.mark.parametrize("function", IN_A_VPC)
def test_the_rule_may_call_it(function: str) -> None:
    permissions = [
        it["Properties"] for it in of_type("support", "AWS::Lambda::Permission").values()
    ]
    assert {
        "Action": "lambda:InvokeFunction",
        "FunctionName": arn(function),
        "Principal": "events.amazonaws.com",
        "SourceArn": arn("PingRule"),
    } in permissions


@pytest.mark.parametrize("function", IN_A_VPC)
def test_an_alarm_rings_long_before_the_function_is_inactive(function: str) -> None:
    alarms = [it["Properties"] for it in of_type("support", "AWS::CloudWatch::Alarm").values()]
    (alarm,) = [
        it
        for it in alarms
        if it["MetricName"] == "Invocations" and it["Dimensions"][0]["Value"] == {"Ref": function}
    ]
    assert alarm["Period"] * alarm["EvaluationPeriods"] == 2 * 86_400
    assert alarm["Period"] * alarm["EvaluationPeriods"] < DAYS_TO_INACTIVE * 86_400
    # A function that nobody called has no samples at all.
    assert alarm["TreatMissingData"] == "missing"
    assert alarm["InsufficientDataActions"] == alarm["AlarmActions"]
