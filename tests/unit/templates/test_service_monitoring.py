"""What watches a service, in a stack beside the service's: alarms, and a dashboard."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.unit.templates.dashboards import assert_taken, metrics
from tests.unit.templates.templates import ALARM, REGION, Stack, judging, load, of_type

PAGE = Path(__file__).parents[3] / "docs" / "alarms" / "service.md"
ROUTE = {"LoadBalancerFullName": "app/x/1", "TargetGroupFullName": "targetgroup/x/1"}
OF_TASKS = {"NoTaskAlarm", "CpuAlarm", "MemoryAlarm"}
OF_THE_ROUTE = {"UnhealthyHostAlarm", "ServerErrorAlarm", "ConnectionErrorAlarm"}
# What is off by default, with what switches it on.
ON = {
    "AtMaximumAlarm": {"MostTasks": "20"},
    "ErrorLinesAlarm": {"ErrorLinesThreshold": "5", "LogGroupName": "/shop/orders"},
    "ResponseTimeAlarm": {"AlarmResponseSeconds": "0.5"},
    "FewRequestsAlarm": {"AlarmFewRequests": "1"},
}
# Each alarm with the value that takes it away.
OFF = {
    "NoTaskAlarm": {"AlarmNoTaskMinutes": "0"},
    "AtMaximumAlarm": {"AlarmAtMaximumMinutes": "0"},
    "CpuAlarm": {"AlarmCpuPercent": "0"},
    "MemoryAlarm": {"AlarmMemoryPercent": "0"},
    "ErrorLinesAlarm": {"ErrorLinesThreshold": "0"},
    "UnhealthyHostAlarm": {"AlarmUnhealthyMinutes": "0"},
    "ServerErrorAlarm": {"AlarmServerErrors": "0"},
    "ConnectionErrorAlarm": {"AlarmConnectionErrors": "0"},
    "ResponseTimeAlarm": {"AlarmResponseSeconds": "0"},
    "FewRequestsAlarm": {"AlarmFewRequests": "0"},
}
ALL_ON = {name: value for values in ON.values() for name, value in values.items()} | ROUTE


def watching(**given: str) -> dict[str, Any]:
    """What watches the service orders, with an alarm topic."""
    named = {"Platform": "shop", "Name": "orders", "ClusterName": "shop", "AlarmTopicArn": "topic"}
    return Stack("service_monitoring", named | given).resources


def test_a_service_is_watched_from_outside_of_its_stack() -> None:
    """A deployment that fails, and goes back, takes no alarm away that somebody hears of.

    What judges a deployment stands in the service's own stack: the service names it.
    """
    assert {it["Type"] for it in of_type("service", "AWS::CloudWatch::").values()} == {ALARM}
    assert of_type("service", ALARM).keys() == set(judging())


def test_an_alarm_rings_for_what_the_service_has() -> None:
    assert watching(**ROUTE).keys() == OF_TASKS | OF_THE_ROUTE
    assert watching(**ROUTE, Route="false").keys() == OF_TASKS


@pytest.mark.parametrize("missing", ROUTE)
def test_without_a_name_in_the_metrics_there_is_no_alarm_on_the_route(missing: str) -> None:
    assert watching(**ROUTE | {missing: ""}).keys() == OF_TASKS


def test_without_a_topic_there_is_no_alarm() -> None:
    assert {it["Type"] for it in watching(**ALL_ON, AlarmTopicArn="").values()} == {
        "AWS::Logs::MetricFilter"
    }


def test_the_page_tells_at_what_each_rings_by_default() -> None:
    page = PAGE.read_text()
    rows = re.findall(r"^\| \[[\w-]+\]\(#[\w-]+\) \| (.+?) \| `service_(\w+)`", page, re.MULTILINE)
    parameters = load("service_monitoring")["Parameters"]
    assert len(rows) == len(OFF)
    for rings, variable in rows:
        default = parameters[variable.title().replace("_", "")]["Default"]
        told = rings.replace("a quarter of an hour", "")
        if float(default):
            assert re.findall(r"\d+", told) == [str(default)], variable
        else:
            assert rings == "not by default", variable


def test_the_page_tells_how_many_there_are_by_default_since_each_costs() -> None:
    assert "defaults has six, one that scales seven" in " ".join(PAGE.read_text().split())
    assert (len(watching(**ROUTE)), len(watching(**ROUTE, **ON["AtMaximumAlarm"]))) == (6, 7)


def test_every_alarm_of_the_template_can_be_had() -> None:
    alarms = of_type("service_monitoring", ALARM).keys()
    assert watching(**ALL_ON).keys() - {"ErrorLines"} == alarms == OFF.keys()


@pytest.mark.parametrize("alarm", OFF)
def test_each_alarm_goes_away_by_its_own_threshold_and_no_other_does(alarm: str) -> None:
    gone = watching(**ALL_ON).keys() - watching(**ALL_ON | OFF[alarm]).keys()
    assert gone == {alarm} | ({"ErrorLines"} if alarm == "ErrorLinesAlarm" else set())


def test_alarms_look_at_what_the_service_is_called_in_ecs() -> None:
    service = load("service")["Resources"]["Service"]["Properties"]
    assert (service["ServiceName"], service["Cluster"]) == ({"Ref": "Name"}, {"Ref": "ClusterName"})
    dimensions = [
        {"Name": "ClusterName", "Value": "shop"},
        {"Name": "ServiceName", "Value": "orders"},
    ]
    for alarm in OF_TASKS | {"AtMaximumAlarm"}:
        assert watching(**ALL_ON)[alarm]["Properties"]["Dimensions"] == dimensions


def breaching_without_data(**given: str) -> set[str]:
    """The alarms that ring when no task runs and nobody asks: nothing is measured then."""
    return {
        name
        for name, it in watching(**ALL_ON | given).items()
        if it["Type"] == ALARM and it["Properties"]["TreatMissingData"] == "breaching"
    }


def test_a_service_that_is_to_have_no_task_rings_nothing_for_want_of_one() -> None:
    """The metrics of AWS/ECS and of a target group end with the last task, and with requests."""
    assert breaching_without_data() == {"NoTaskAlarm", "FewRequestsAlarm"}
    assert breaching_without_data(MayHaveNoTask="true") == set()


def test_what_counts_tasks_counts_each_minute() -> None:
    """A sample a minute and task: in longer periods there are more samples than tasks."""
    for alarm in ("NoTaskAlarm", "AtMaximumAlarm"):
        properties = watching(**ALL_ON)[alarm]["Properties"]
        assert (properties["Statistic"], properties["Period"]) == ("SampleCount", 60)


@pytest.mark.parametrize("alarm", of_type("service_monitoring", ALARM))
def test_an_alarm_looks_back_a_day_at_most(alarm: str) -> None:
    """PutMetricAlarm takes no longer evaluation of periods below an hour."""
    parameters = load("service_monitoring")["Parameters"]
    periods = of_type("service_monitoring", ALARM)[alarm]["Properties"]["EvaluationPeriods"]
    most = parameters[periods["Ref"]]["MaxValue"] if isinstance(periods, dict) else periods
    assert most * watching(**ALL_ON)[alarm]["Properties"]["Period"] <= 86_400


# --- The dashboard, held against "Dashboard body structure and syntax" of the CloudWatch guide. ---

SWITCHES = (
    {"ContainerInsights": "enabled"},
    ROUTE,
    ON["ErrorLinesAlarm"],
    {"AlarmTopicArn": ""},
    {name: value for values in OFF.values() for name, value in values.items()},
)


def widgets(**given: str) -> list[dict[str, Any]]:
    dashboard = watching(Dashboard="true", **given)["ServiceDashboard"]["Properties"]
    assert dashboard["DashboardName"] == f"shop-service-orders-{REGION}"
    body = json.loads(dashboard["DashboardBody"])
    assert body.keys() == {"widgets"}
    return list(body["widgets"])


def every_dashboard() -> Iterator[list[dict[str, Any]]]:
    """Yield the dashboards of all that can be on and off."""
    for number in range(len(SWITCHES) + 1):
        for some in itertools.combinations(SWITCHES, number):
            yield widgets(**{name: value for it in some for name, value in it.items()})


def test_there_is_no_dashboard_unless_it_is_wanted() -> None:
    assert "ServiceDashboard" not in watching(**ALL_ON)


def test_every_dashboard_is_one_that_cloudwatch_takes() -> None:
    for found in every_dashboard():
        assert_taken(found)


def titles(**given: str) -> list[str]:
    return [it["properties"]["title"] for it in widgets(**given)]


def test_a_dashboard_shows_what_the_service_has() -> None:
    of_tasks = ["CPU in percent", "Memory in percent", "Tasks"]
    of_the_route = ["Requests and answers", "Response time in seconds", "Hosts"]
    assert titles(AlarmTopicArn="") == of_tasks
    assert titles() == [*of_tasks, "Alarms"]
    assert titles(**ROUTE) == [*of_tasks, *of_the_route, "Alarms"]
    assert titles(**ALL_ON) == [*of_tasks, *of_the_route, "Error lines", "Alarms"]


def test_a_dashboard_lists_the_alarms_that_there_are_and_no_others() -> None:
    for given in ({}, ROUTE, ALL_ON, ALL_ON | OFF["CpuAlarm"], {"AlarmNoTaskMinutes": "0"}):
        *_, alarms = widgets(**given)
        there = {f"<{key}.Arn>" for key, it in watching(**given).items() if it["Type"] == ALARM}
        assert set(alarms["properties"]["alarms"]) == there


def test_the_number_that_is_wanted_is_shown_with_container_insights_only() -> None:
    def namespaces(**given: str) -> set[str]:
        (tasks,) = [it for it in widgets(**given) if it["properties"]["title"] == "Tasks"]
        return {names[0] for names, _ in metrics(tasks)}

    assert namespaces() == {"AWS/ECS"}
    assert namespaces(ContainerInsights="enhanced") == {"AWS/ECS", "ECS/ContainerInsights"}


def test_what_a_dashboard_shows_is_what_the_alarms_look_at() -> None:
    """Each metric of an alarm, with its dimensions, so that one sees what rang."""
    shown = {
        tuple(names)
        for widget in widgets(**ALL_ON)
        if widget["type"] == "metric"
        for names, _ in metrics(widget)
    }
    for alarm in watching(**ALL_ON).values():
        if alarm["Type"] == ALARM:
            properties = alarm["Properties"]
            dimensions = [(it["Name"], it["Value"]) for it in properties.get("Dimensions", [])]
            of = (properties["Namespace"], properties["MetricName"], *itertools.chain(*dimensions))
            assert of in shown
