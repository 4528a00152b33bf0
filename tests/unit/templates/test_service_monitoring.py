"""What watches a service, in a stack beside the service's."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.templates.templates import ALARM, Stack, judging, load, of_type

ROUTE = {"LoadBalancerFullName": "app/x/1", "TargetGroupFullName": "targetgroup/x/1"}
OF_TASKS = {"NoTaskAlarm", "CpuAlarm", "MemoryAlarm"}
OF_THE_ROUTE = {"UnhealthyHostAlarm", "ServerErrorAlarm"}


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
    assert watching(**ROUTE, AlarmTopicArn="") == {}


def test_alarms_look_at_what_the_service_is_called_in_ecs() -> None:
    service = load("service")["Resources"]["Service"]["Properties"]
    assert (service["ServiceName"], service["Cluster"]) == ({"Ref": "Name"}, {"Ref": "ClusterName"})
    dimensions = [
        {"Name": "ClusterName", "Value": "shop"},
        {"Name": "ServiceName", "Value": "orders"},
    ]
    for alarm in OF_TASKS:
        assert watching()[alarm]["Properties"]["Dimensions"] == dimensions
