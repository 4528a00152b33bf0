"""What CloudWatch takes as an alarm and as a dashboard."""

from __future__ import annotations

import json
from typing import Any

import pytest

from local_aws.mends.monitoring import alarm_rules, dashboards

ALARM = {
    "AlarmName": "one",
    "Namespace": "Tests",
    "MetricName": "Errors",
    "Statistic": "Sum",
    "Period": 60,
    "EvaluationPeriods": 5,
    "Threshold": 1,
    "ComparisonOperator": "GreaterThanThreshold",
}
PERCENTILE: dict[str, Any] = {"Statistic": None, "ExtendedStatistic": "p95"}


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"Period": "60", "EvaluationPeriods": "1440", "DatapointsToAlarm": "1440"},
        {"Period": 10},
        {"Period": 3600, "EvaluationPeriods": 168},
        PERCENTILE,
        PERCENTILE | {"EvaluateLowSampleCountPercentile": "ignore"},
        {"AlarmDescription": "x" * 1024},
        {"MetricName": None, "Statistic": None, "Metrics": [{"Id": "sum"}], "Period": None},
    ],
)
def test_an_alarm_is_taken(more: dict[str, Any]) -> None:
    assert list(alarm_rules.problems(ALARM | more)) == []


@pytest.mark.parametrize(
    "more",
    [
        {"Statistic": None},
        {"Statistic": "p95"},
        {"ExtendedStatistic": "p95"},
        {"Statistic": None, "ExtendedStatistic": "95"},
        {"Statistic": None, "ExtendedStatistic": "p101"},
        PERCENTILE | {"EvaluateLowSampleCountPercentile": "never"},
        {"EvaluateLowSampleCountPercentile": "ignore"},
        {"Period": 45},
        {"Period": 90},
        {"EvaluationPeriods": 0},
        {"EvaluationPeriods": 1441},
        {"Period": 3600, "EvaluationPeriods": 169},
        {"DatapointsToAlarm": 6},
        {"TreatMissingData": "no"},
        {"AlarmDescription": "x" * 1025},
        {"AlarmName": "x" * 256},
    ],
)
def test_an_alarm_is_refused(more: dict[str, Any]) -> None:
    assert len(list(alarm_rules.problems(ALARM | more))) == 1


def metric(*metrics: Any, **more: Any) -> dict[str, Any]:
    return {"type": "metric", "properties": {"region": "r", "metrics": [*metrics], **more}}


ONE = ["Tests", "Errors", "Of", "mine"]
ARN = "arn:aws:cloudwatch:eu-central-1:123456789012:alarm:one"


@pytest.mark.parametrize(
    "widget",
    [
        metric(ONE),
        metric(ONE, [".", "Other", ".", "."], ["...", "theirs"], ["...", {"stat": "p99.9"}]),
        metric([{"expression": "m1 + m2"}], ONE),
        metric(ONE, stat="p95", period=60) | {"x": 0, "y": 0, "width": 24, "height": 1},
        {"type": "metric", "properties": {"region": "r", "annotations": {"alarms": [ARN]}}},
        {"type": "text", "properties": {"markdown": "# Hello"}},
        {"type": "alarm", "properties": {"alarms": [ARN]}},
        {"type": "log", "properties": {}},
    ],
)
def test_a_widget_is_taken(widget: dict[str, Any]) -> None:
    assert list(dashboards.problems({"widgets": [widget]})) == []


@pytest.mark.parametrize(
    ("widget", "path"),
    [
        ({"type": "metric"}, ""),
        ({"type": "graph", "properties": {}}, "/type"),
        (metric(ONE) | {"x": 0}, ""),
        (metric(ONE) | {"width": 25}, "/width"),
        (metric(ONE) | {"height": 0}, "/height"),
        (metric(), "/properties/metrics"),
        (metric(ONE, region=None), "/properties"),
        (metric(ONE, stat="mean"), "/properties/stat"),
        (metric(["Tests"]), "/properties/metrics/0"),
        (metric(["Tests", "Errors", "Of"]), "/properties/metrics/0"),
        (metric([".", "Errors"]), "/properties/metrics/0"),
        (metric(["..."]), "/properties/metrics/0"),
        (metric([{}]), "/properties/metrics/0"),
        (metric([*ONE, {"period": 0}]), "/properties/metrics/0/period"),
        ({"type": "text", "properties": {}}, "/properties"),
        ({"type": "alarm", "properties": {"alarms": []}}, "/properties/alarms"),
        ({"type": "alarm", "properties": {"alarms": ["one"]}}, "/properties/alarms/0"),
    ],
)
def test_a_widget_is_refused_where_it_is_wrong(widget: dict[str, Any], path: str) -> None:
    ((found, _),) = dashboards.problems({"widgets": [widget]})
    assert found == f"/widgets/0{path}"


@pytest.mark.parametrize("text", ["", "none", "[]", '{"widgets": {}}', "null"])
def test_what_is_no_dashboard_is_refused(text: str) -> None:
    assert "there are 1 validation errors" in str(dashboards.refusal("one", text))


def test_a_dashboard_has_a_name_of_certain_characters() -> None:
    none = json.dumps({"widgets": []})
    assert dashboards.refusal("shop-service_1", none) is None
    assert dashboards.refusal("shop/service", none)
    assert dashboards.refusal("x" * 256, none)
