"""Functions in a VPC are called once a day, so that they don't become inactive."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.unit.templates.templates import NAMES, of_type

IN_A_VPC = [
    (name, key)
    for name in NAMES
    for key, function in of_type(name, "AWS::Lambda::Function").items()
    if "VpcConfig" in function["Properties"]
]
DAYS_TO_INACTIVE = 14


def rule(name: str) -> dict[str, Any]:
    properties: dict[str, Any] = of_type(name, "AWS::Events::Rule")["PingRule"]["Properties"]
    return properties


def test_there_are_functions_in_a_vpc() -> None:
    assert len(IN_A_VPC) > 1


@pytest.mark.parametrize(("name", "function"), IN_A_VPC)
def test_a_rule_pings_the_function_and_no_other(name: str, function: str) -> None:
    (target,) = rule(name)["Targets"]
    assert target["Arn"] == {"Fn::GetAtt": [function, "Arn"]}
    assert json.loads(target["Input"]) == {"quayside": "ping"}
    assert rule(name)["ScheduleExpression"] == "rate(1 day)"


@pytest.mark.parametrize(("name", "function"), IN_A_VPC)
def test_the_rule_may_call_it(name: str, function: str) -> None:
    permissions = [it["Properties"] for it in of_type(name, "AWS::Lambda::Permission").values()]
    assert {
        "Action": "lambda:InvokeFunction",
        "FunctionName": {"Fn::GetAtt": [function, "Arn"]},
        "Principal": "events.amazonaws.com",
        "SourceArn": {"Fn::GetAtt": ["PingRule", "Arn"]},
    } in permissions


@pytest.mark.parametrize(("name", "function"), IN_A_VPC)
def test_an_alarm_rings_long_before_the_function_is_inactive(name: str, function: str) -> None:
    alarms = [it["Properties"] for it in of_type(name, "AWS::CloudWatch::Alarm").values()]
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
