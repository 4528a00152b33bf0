"""What of a platform rings, and at what."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from custom_resources.rotation import metrics
from tests.unit.templates import dashboards
from tests.unit.templates.templates import ALARM, REGION, Stack, load, of_type

PAGE = Path(__file__).parents[3] / "docs" / "alarms" / "platform.md"
TOPIC = {"Platform": "shop", "AlarmTopicArn": "topic"}
PROVISIONED = {"InstanceClass": "db.r8g.large"}


def alarms(template: str, **given: str) -> dict[str, Any]:
    """The alarms of a stack, their properties by what they are called on their page."""
    found = Stack(template, TOPIC | given).resources.values()
    return {
        re.sub("^shop-(load-balancer-public-)?", "", it["Properties"]["AlarmName"]): it[
            "Properties"
        ]
        for it in found
        if it["Type"] == ALARM
    }


def test_a_platform_has_as_many_by_default_as_its_page_tells() -> None:
    """Each costs."""
    every = [alarms(it) for it in ("support", "load_balancer", "rds", "rotation")]
    (told,) = re.findall(r"a platform with the defaults has (\d+)\.", PAGE.read_text())
    assert sum(map(len, every)) == int(told)


RDS = {
    "rds-cpu": "AlarmCpuPercent",
    "rds-capacity": "AlarmCapacityPercent",
    "rds-memory": "AlarmFreeMemoryMib",
    "rds-connections": "AlarmConnectionsPercent",
    "rds-storage": "AlarmStorageGib",
    "rds-replica-lag": "AlarmReplicaLagMilliseconds",
}


@pytest.mark.parametrize(("name", "parameter"), RDS.items())
def test_an_alarm_of_the_database_rings_at_its_parameter_or_not_at_all(
    name: str, parameter: str
) -> None:
    assert alarms("rds").keys() == RDS.keys()
    assert alarms("rds", **{parameter: "7"})[name]["Threshold"] == "7"
    assert alarms("rds", **{parameter: "0"}).keys() == RDS.keys() - {name}


def test_what_only_some_clusters_have_rings_for_those_alone() -> None:
    assert "rds-replica-lag" not in alarms("rds", ReaderCount="0")
    provisioned = alarms("rds", **PROVISIONED)
    assert provisioned.keys() == RDS.keys() - {"rds-capacity", "rds-connections"} | {
        "rds-local-storage"
    }
    assert "rds-local-storage" not in alarms("rds", **PROVISIONED, AlarmFreeLocalStorageMib="0")


def measured(alarm: dict[str, Any], value: float) -> float:
    """What an alarm on metric math watches, where its metric has a value."""
    names: dict[str, Any] = {"MAX": max, "measured": value}
    for query in alarm["Metrics"]:
        if "Expression" in query:
            names[query["Id"]] = eval(query["Expression"], {}, names)
    (watched,) = [it["Id"] for it in alarm["Metrics"] if it.get("ReturnData", True)]
    return float(names[watched])


@pytest.mark.parametrize(
    ("given", "most"),
    [
        # Aurora user guide, "Maximum connections for Aurora Serverless v2"; with a MinCapacity of
        # 0 or 0.5 as AWS's support shows it (re:Post, "Working of max_connections").
        ({"MaxCapacity": "1"}, 189),
        ({"MaxCapacity": "4"}, 823),
        ({"MaxCapacity": "8"}, 1669),
        ({"MaxCapacity": "8", "MinCapacity": "0"}, 1669),
        ({"MaxCapacity": "16", "MinCapacity": "1"}, 3360),
        ({"MaxCapacity": "16", "MinCapacity": "0.5"}, 2000),
        ({"MaxCapacity": "32", "MinCapacity": "1"}, 5000),
        ({"MaxCapacity": "256", "MinCapacity": "2"}, 5000),
        ({"MaxConnections": "400"}, 400),
        ({"MaxConnections": "1600", **PROVISIONED}, 1600),
    ],
)
def test_connections_ring_by_their_share_of_max_connections(
    given: dict[str, str], most: int
) -> None:
    alarm = alarms("rds", **given)["rds-connections"]
    assert alarm["Threshold"] == "80"
    assert measured(alarm, most) == pytest.approx(100, rel=0.005)
    assert measured(alarm, most * 0.75) < 80 < measured(alarm, most * 0.85)


@pytest.mark.parametrize(
    ("name", "unit", "given"),
    [
        ("rds-memory", 2**20, {}),
        ("rds-local-storage", 2**20, PROVISIONED),
        ("rds-storage", 2**30, {}),
    ],
)
def test_bytes_ring_in_the_units_of_their_parameter(
    name: str, unit: int, given: dict[str, str]
) -> None:
    assert measured(alarms("rds", **given)[name], 5 * unit) == 5


def test_the_load_balancers_own_errors_ring_at_so_many_a_minute_or_not_at_all() -> None:
    alarm = alarms("load_balancer", AlarmErrors="9")["5xx"]
    assert (alarm["Threshold"], alarm["ComparisonOperator"]) == (
        "9",
        "GreaterThanOrEqualToThreshold",
    )
    assert alarms("load_balancer", AlarmErrors="0").keys() == {"rejected-connections"}


@pytest.mark.parametrize("template", ["support", "rotation"])
def test_each_function_rings_for_errors_and_throttles(template: str) -> None:
    stack = Stack(template, TOPIC).resources
    functions = {
        it["Properties"]["FunctionName"]
        for it in stack.values()
        if it["Type"] == "AWS::Lambda::Function"
    }
    names = {f"shop-{it}" for it in alarms(template)}
    assert {f"{it}-{what}" for it in functions for what in ("errors", "throttles")} <= names


def test_each_dead_letter_queue_rings() -> None:
    stack = Stack("rotation", TOPIC).resources
    dead = [
        it["Properties"]["QueueName"]
        for key, it in stack.items()
        if it["Type"] == "AWS::SQS::Queue" and "DeadLetter" in key
    ]
    heard = [
        it["Dimensions"][0]["Value"]
        for it in alarms("rotation").values()
        if it.get("MetricName") == "ApproximateNumberOfMessagesVisible"
    ]
    assert len(dead) == len(heard) == 1
    assert heard == ["<ActivationDeadLetterQueue.QueueName>"]


# --- The dashboard ---

SHOWN = {"Dashboard": "true", "DatabaseClusterIdentifier": "shop-db"}
PUBLIC = {"LoadBalancerFullName": "app/shop-public/50dc6c495c0c9188"}


def widgets(**given: str) -> list[dict[str, Any]]:
    dashboard = Stack("rotation", TOPIC | SHOWN | given).resources["PlatformDashboard"]
    properties = dashboard["Properties"]
    assert properties["DashboardName"] == f"shop-{REGION}"
    body = json.loads(properties["DashboardBody"])
    assert body.keys() == {"widgets"}
    return list(body["widgets"])


@pytest.mark.parametrize("given", [{}, PUBLIC, {"AlarmPasswordAgeDays": "0"}])
def test_the_dashboard_is_one_that_cloudwatch_takes(given: dict[str, str]) -> None:
    dashboards.assert_taken(widgets(**given))


def test_the_dashboard_shows_every_metric_that_the_rotation_counts_without_dimensions() -> None:
    shown = {
        names[1]
        for widget in widgets()
        if widget["type"] == "metric"
        for names, _ in dashboards.metrics(widget)
        if names[0] == "Quayside/shop"
    }
    counted = {*metrics.OF_ROTATIONS.values(), *metrics.OF_FLIPS.values(), metrics.AGE}
    assert shown == counted


def test_the_dashboard_shows_every_alarm_of_its_stack() -> None:
    for given in ({}, {"AlarmPasswordAgeDays": "0"}):
        stack = Stack("rotation", TOPIC | SHOWN | given).resources
        (alarm,) = [it for it in widgets(**given) if it["type"] == "alarm"]
        wanted = {f"<{key}.Arn>" for key, it in stack.items() if it["Type"] == ALARM}
        assert set(alarm["properties"]["alarms"]) == wanted


def test_the_dashboard_shows_a_load_balancer_if_it_knows_one() -> None:
    def titles(**given: str) -> list[str]:
        return [it["properties"]["title"] for it in widgets(**given)]

    assert titles(**PUBLIC) == ["Load balancer", "Response time in seconds", *titles()]


def test_the_dashboard_shows_errors_and_throttles_of_every_function_of_the_platform() -> None:
    wanted = {
        (what, Stack(template, TOPIC).resolve(it["Properties"]["FunctionName"]))
        for template in ("support", "rotation")
        for it in of_type(template, "AWS::Lambda::Function").values()
        for what in ("Errors", "Throttles")
    }
    (functions,) = [it for it in widgets() if it["properties"]["title"].startswith("Functions")]
    assert {(it[1], it[3]) for it, _ in dashboards.metrics(functions)} == wanted


def test_a_dashboard_without_a_database_is_refused_before_anything_is_touched() -> None:
    (rule,) = load("rotation")["Rules"].values()
    (assertion,) = rule["Assertions"]
    told = assertion["AssertDescription"]
    assert told.startswith("DatabaseClusterIdentifier is empty: give ")
    for given, is_refused in (({}, False), (SHOWN, False), ({"Dashboard": "true"}, True)):
        stack = Stack("rotation", TOPIC | given)
        assert (
            stack.holds(rule["RuleCondition"]) and not stack.holds(assertion["Assert"])
        ) is is_refused


def test_there_is_no_dashboard_unless_it_is_wanted() -> None:
    assert "PlatformDashboard" not in Stack("rotation", TOPIC).resources
