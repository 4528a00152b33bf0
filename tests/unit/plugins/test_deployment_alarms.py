"""What is said of alarms that took a deployment back."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.quayside.fargate.plugins.plugin_utils.deployment_alarms import sentences

FIRST, SECOND = "shop-service-orders-5xx-deployment", "shop-service-orders-cpu-deployment"


def told(*deployments: dict[str, Any]) -> list[str]:
    return list(sentences(deployments))


def test_each_alarm_that_rang_is_named_once_with_the_page() -> None:
    both = {"alarms": {"status": "TRIGGERED", "triggeredAlarmNames": [FIRST, SECOND]}}
    again = {"alarms": {"status": "TRIGGERED", "triggeredAlarmNames": [SECOND]}}
    lines = told(both, again)
    assert [line.split()[2] for line in lines] == [FIRST, SECOND]
    assert all("docs/deployments.md" in line for line in lines)


@pytest.mark.parametrize(
    "deployment",
    [
        {},
        {"alarms": {}},
        {"alarms": None},
        {"alarms": {"status": "MONITORING_COMPLETE", "alarmNames": [FIRST]}},
        {"alarms": {"alarmNames": [FIRST], "triggeredAlarmNames": []}},
    ],
)
def test_of_alarms_that_only_watched_nothing_is_said(deployment: dict[str, Any]) -> None:
    assert told(deployment) == []
