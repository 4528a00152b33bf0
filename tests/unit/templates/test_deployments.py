"""How a service is deployed, by its parameters: percents, thresholds, alarms, early success."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Any

import pytest

from tests.unit.templates.templates import ALARM, Stack, judging, load, of_type
from tests.unit.templates.test_service import COMPLETE, refusals

LISTENER = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:listener/app/shop-public/0a1b/2c"
ROUTED = {"ServerErrorDeploymentAlarm", "UnhealthyHostDeploymentAlarm"}
OFF: dict[str, Any] = {"Enable": False}
EARLY = {"Enable": True, "HealthyPercent": "100", "SourceServiceRevisionCleanup": "DEFERRED"}


def resources(**given: str) -> dict[str, Any]:
    """The resources of a whole service with some parameters beside."""
    return Stack("service", COMPLETE | {"ListenerArn": LISTENER} | given).resources


def configuration(**given: str) -> dict[str, Any]:
    """Its deployment configuration."""
    found: dict[str, Any] = resources(**given)["Service"]["Properties"]["DeploymentConfiguration"]
    return found


def test_a_failing_deployment_stops_and_goes_back_by_ecss_own_threshold() -> None:
    given = configuration()
    assert given["DeploymentCircuitBreaker"] == {"Enable": True, "Rollback": True}
    assert (given["MinimumHealthyPercent"], given["MaximumPercent"]) == ("100", "200")


def test_a_threshold_is_given_with_its_type() -> None:
    given = configuration(FailureThresholdType="COUNT", FailureThreshold="4")
    threshold = given["DeploymentCircuitBreaker"]["ThresholdConfiguration"]
    assert threshold == {"Type": "COUNT", "Value": "4"}
    assert "ThresholdConfiguration" not in str(configuration(FailureThreshold="4"))


@pytest.mark.parametrize(
    ("given", "criteria"),
    [
        ({}, EARLY),
        ({"HealthyPercent": "75", "MinimumHealthyPercent": "50"}, EARLY | {"HealthyPercent": "75"}),
        ({"EarlySuccess": "false"}, OFF),
        ({"Route": "false"}, OFF),
        ({"Database": "false"}, OFF),
        ({"DatabaseUsers": "blue"}, OFF),
        ({"Rotation": "false"}, EARLY),
    ],
)
def test_early_success_is_on_where_its_safety_is_proven_and_always_said(
    given: dict[str, str], criteria: dict[str, Any]
) -> None:
    assert configuration(**given)["EarlySuccessCriteria"] == criteria


@pytest.mark.parametrize("route", ["true", "false"])
def test_without_deployment_alarms_there_are_none_and_ecs_is_told_so(route: str) -> None:
    given = configuration(Route=route, BakeTimeMinutes="9")
    assert given["Alarms"] == {"Enable": False, "Rollback": False, "AlarmNames": []}
    assert "BakeTimeInMinutes" not in given
    assert not set(judging()) & resources(Route=route).keys()


@pytest.mark.parametrize(("route", "alarms"), [("true", ROUTED), ("false", {"CpuDeploymentAlarm"})])
def test_the_service_names_the_alarms_that_it_has(route: str, alarms: set[str]) -> None:
    found = resources(Route=route, DeploymentAlarms="true")
    assert set(judging()) & found.keys() == alarms
    told = found["Service"]["Properties"]["DeploymentConfiguration"]["Alarms"]
    assert (told["Enable"], told["Rollback"]) == (True, True)
    # A Ref of an alarm is its name (CloudFormation reference), and makes it before the service.
    assert set(told["AlarmNames"]) == {f"<{it}>" for it in alarms}


def test_the_alarms_are_all_that_the_service_can_name() -> None:
    assert set(judging()) == of_type("service", ALARM).keys()


@pytest.mark.parametrize(
    ("given", "minutes"),
    [
        ({}, None),
        ({"BakeTimeMinutes": "7"}, None),
        ({"BakeTimeMinutes": "0"}, "0"),
        ({"DeploymentAlarms": "true"}, "5"),
        ({"DeploymentAlarms": "true", "BakeTimeMinutes": "7"}, "7"),
        ({"DeploymentAlarms": "true", "BakeTimeMinutes": "0"}, "0"),
    ],
)
def test_a_bake_time_is_told_with_alarms_and_can_be_taken_back(
    given: dict[str, str], minutes: str | None
) -> None:
    assert configuration(**given).get("BakeTimeInMinutes") == minutes


def test_alarms_of_the_route_look_at_the_target_group_behind_the_listeners_load_balancer() -> None:
    found = resources(DeploymentAlarms="true")
    for alarm in ROUTED:
        assert found[alarm]["Properties"]["Dimensions"] == [
            {"Name": "LoadBalancer", "Value": "app/shop-public/0a1b"},
            {"Name": "TargetGroup", "Value": "<TargetGroup.TargetGroupFullName>"},
        ]


def test_an_alarm_rings_at_the_threshold_that_is_given() -> None:
    given = {"DeploymentAlarmServerErrors": "9", "DeploymentAlarmUnhealthyMinutes": "10"}
    found = resources(DeploymentAlarms="true", **given)
    assert found["ServerErrorDeploymentAlarm"]["Properties"]["Threshold"] == "9"
    assert found["UnhealthyHostDeploymentAlarm"]["Properties"]["DatapointsToAlarm"] == "10"
    assert found["UnhealthyHostDeploymentAlarm"]["Properties"]["EvaluationPeriods"] == 15
    worker = resources(DeploymentAlarms="true", Route="false", DeploymentAlarmCpuPercent="70")
    assert worker["CpuDeploymentAlarm"]["Properties"]["Threshold"] == "70"


# Of a task whose application doesn't answer, in seconds from its start: when ECS stops it after its
# grace period, and when the one in its place starts.
STOPPED, NEXT = 75, 115
Span = tuple[int, int]


def rings(minutes: str, unhealthy: list[Span], phase: int) -> int | None:
    """When the alarm rings, in seconds after the first task; CloudWatch's minutes begin at a phase.

    Each sample is the number of unhealthy tasks, of which a minute's statistic is made.
    """
    found = resources(DeploymentAlarms="true", DeploymentAlarmUnhealthyMinutes=minutes)
    alarm = found["UnhealthyHostDeploymentAlarm"]["Properties"]
    statistic = {"Maximum": max, "Minimum": min}[alarm["Statistic"]]
    breaching: list[bool] = []
    for minute in range(15):
        begin = minute * 60 - phase
        samples = [
            sum(first <= at < last for first, last in unhealthy) for at in range(begin, begin + 60)
        ]
        breaching.append(statistic(samples) > alarm["Threshold"])
        window = breaching[-int(alarm["EvaluationPeriods"]) :]
        if sum(window) >= int(alarm.get("DatapointsToAlarm", alarm["EvaluationPeriods"])):
            return begin + 60
    return None


def fails(stopped: int, failing: int) -> list[Span]:
    """When tasks are unhealthy: one until it is stopped, then those in its place, one by one."""
    starts = range(stopped + NEXT - STOPPED, 900, NEXT)
    return [(0, stopped), *((it + failing, it + STOPPED) for it in starts)]


@pytest.mark.parametrize("phase", range(0, 60, 5))
def test_the_alarm_of_unhealthy_tasks_rings_within_the_bake_time_though_ecs_replaces_them(
    phase: int,
) -> None:
    group = resources()["TargetGroup"]["Properties"]
    failing = int(group["HealthCheckIntervalSeconds"]) * int(group["UnhealthyThresholdCount"])
    parameters = load("service")["Parameters"]
    minutes = str(parameters["DeploymentAlarmUnhealthyMinutes"]["Default"])
    bake = int(parameters["BakeTimeMinutes"]["Default"]) * 60
    at = rings(minutes, fails(20, failing), phase)  # it was healthy, and has no grace any more
    assert at is not None
    assert at < bake
    assert rings(minutes, fails(STOPPED - failing, failing), phase) is not None  # a new one
    # One that answers within its grace period, by default 60 seconds, is healthy two checks later.
    grace = int(parameters["HealthCheckGracePeriodSeconds"]["Default"])
    healthy = int(group["HealthCheckIntervalSeconds"]) * int(group["HealthyThresholdCount"])
    assert rings(minutes, [(failing, grace + healthy)], phase) is None


def test_an_alarm_looks_at_more_minutes_than_it_needs() -> None:
    allowed = load("service")["Parameters"]["DeploymentAlarmUnhealthyMinutes"]["AllowedValues"]
    windows = {
        int(minutes): it["Window"] for minutes, it in load("service")["Mappings"]["Minutes"].items()
    }
    assert [*windows] == allowed
    assert all(window > minutes for minutes, window in windows.items() if minutes > 1)


@pytest.mark.parametrize("alarm", judging())
def test_an_alarm_has_a_name_of_the_services_and_says_what_to_do_and_where_it_is_told(
    alarm: str,
) -> None:
    properties = of_type("service", ALARM)[alarm]["Properties"]
    name = properties["AlarmName"]["Fn::Sub"]
    # The deployment role's names: PLATFORM-service-PREFIX*. No alarm that watches ends so.
    assert re.fullmatch(r"\$\{Platform\}-service-\$\{Name\}-[a-z0-9-]+-deployment", name)
    assert "takes back a deployment under way" in properties["AlarmDescription"]["Fn::Sub"]
    assert "AlarmActions" not in properties
    assert properties["TreatMissingData"] == "notBreaching"


def test_no_option_touches_more_than_the_configuration_and_the_alarms() -> None:
    plain = resources()
    for given in (
        {"MinimumHealthyPercent": "50"},
        {"MaximumPercent": "150"},
        {"FailureThresholdType": "COUNT"},
        {"DeploymentAlarms": "true"},
        {"DeploymentAlarms": "true", "BakeTimeMinutes": "3"},
        {"EarlySuccess": "false"},
    ):
        changed = resources(**given)
        assert {it for it in plain if plain[it] != changed[it]} == {"Service"}
        assert changed.keys() - plain.keys() <= ROUTED
        before, after = (it["Service"]["Properties"] for it in (plain, changed))
        different = {it for it in before if before[it] != after[it]}
        assert different == {"DeploymentConfiguration"}


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"MaximumPercent": "100"}, "both 100"),
        ({"MinimumHealthyPercent": "0"}, "requests would find no task"),
        ({"DesiredCount": "1", "MaximumPercent": "150"}, "no room for a second task"),
        ({"HealthyPercent": "90"}, "HealthyPercent is less than MinimumHealthyPercent, 100"),
    ],
)
def test_what_could_not_end_or_would_lose_requests_is_refused(
    given: dict[str, str], told: str
) -> None:
    (refusal,) = refusals(COMPLETE | given)
    assert told in refusal


def test_a_health_percent_below_the_minimum_is_refused_and_no_other() -> None:
    parameters = load("service")["Parameters"]
    for least in parameters["MinimumHealthyPercent"]["AllowedValues"]:
        for enough in parameters["HealthyPercent"]["AllowedValues"]:
            given = {"MinimumHealthyPercent": str(least), "HealthyPercent": str(enough)}
            told = [it for it in refusals(COMPLETE | given) if it.startswith("HealthyPercent")]
            assert bool(told) == (enough < least), (least, enough)
            assert refusals(COMPLETE | given | {"EarlySuccess": "false", "Route": "false"}) == []


@pytest.mark.parametrize(
    "given",
    [
        {
            "DesiredCount": "1",
            "MinimumHealthyPercent": "0",
            "MaximumPercent": "100",
            "Route": "false",
        },
        {"DesiredCount": "2", "MaximumPercent": "150"},
        {"DesiredCount": "2", "MinimumHealthyPercent": "50", "MaximumPercent": "100"},
    ],
)
def test_what_leaves_room_is_taken(given: dict[str, str]) -> None:
    assert refusals(COMPLETE | given | {"EarlySuccess": "false"}) == []


def test_allowed_shares_rise() -> None:
    for name in ("MinimumHealthyPercent", "MaximumPercent", "HealthyPercent"):
        values = load("service")["Parameters"][name]["AllowedValues"]
        assert all(one < other for one, other in pairwise(values))
