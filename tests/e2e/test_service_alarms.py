"""A service's alarms by the options of its role: one rings, and names what to do; 0 tasks that are
wanted don't ring; thresholds and the dashboard change and go on a service that runs."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.e2e.platform import ROOT, Platform
from tests.mailbox import Mailbox

DEPLOY = "playbooks/service.yml"
OWN = "shop-service-alarmed"


class Alarmed:
    """The service, its alarms, and what their topic hears."""

    def __init__(self, platform: Platform, image: str) -> None:
        self.platform = platform
        self.given = platform.service("alarmed", image, service_database=False)
        self.cloudwatch = platform.aws.client("cloudwatch")
        topic = platform.outputs("shop-support")["AlarmTopicArn"]
        self._mailbox = Mailbox(platform.aws, topic, "hears-alarms")

    def close(self) -> None:
        """Delete the service, and hear no more."""
        self.platform.play(DEPLOY, **self.given | {"service_state": "absent"})
        self._mailbox.close()

    def deploy(self, **options: Any) -> None:
        """Deploy the service; one minute without a task rings."""
        usual = {"service_alarm_no_task_minutes": 1, "service_scaling": {"min": 1, "max": 0}}
        self.platform.play(DEPLOY, **{**self.given, **usual, **options})

    def alarms(self) -> dict[str, dict[str, Any]]:
        """The alarms by their names without the service's; asking brings them up to now."""
        found = self.cloudwatch.describe_alarms(AlarmNamePrefix=f"{OWN}-")["MetricAlarms"]
        return {it["AlarmName"].removeprefix(f"{OWN}-"): it for it in found}

    def ringing(self) -> set[str]:
        """Those of them that ring."""
        return {name for name, it in self.alarms().items() if it["StateValue"] == "ALARM"}

    def keep(self, count: int) -> None:
        """Say by hand how many tasks ECS is to keep, and wait until it does."""
        ecs = self.platform.aws.client("ecs")
        ecs.update_service(cluster="shop", service="alarmed", desiredCount=count)

        def running() -> bool:
            found = ecs.describe_services(cluster="shop", services=["alarmed"])["services"][0]
            return bool(found["runningCount"] == count)

        eventually(running)

    def heard(self) -> list[dict[str, Any]]:
        """What the topic has heard of the service's alarms since the last time."""
        found = [json.loads(it["Message"]) for it in self._mailbox.take()]
        return [it for it in found if it.get("AlarmName", "").startswith(OWN)]


def eventually(question: Callable[[], bool]) -> None:
    """Ask until the answer is yes, for half a minute."""
    for _ in range(300):
        if question():
            return
        time.sleep(0.1)
    raise AssertionError("it did not come to pass")


@pytest.fixture(scope="module")
def service(platform: Platform, hello_image: str) -> Iterator[Alarmed]:
    alarmed = Alarmed(platform, hello_image)
    alarmed.deploy()
    yield alarmed
    alarmed.close()


def test_a_service_that_loses_its_tasks_rings_and_the_alarm_says_where_to_look(
    service: Alarmed,
) -> None:
    assert service.ringing() == set()
    service.keep(0)  # by hand, which no metric tells from a loss
    eventually(lambda: "no-task" in service.ringing())
    (told,) = [it for it in service.heard() if it["NewStateValue"] == "ALARM"]
    page, _, heading = told["AlarmDescription"].rpartition("(")[2].rstrip(")").partition(", ")
    assert f"\n## {heading}\n" in (ROOT / page).read_text()
    shown = service.platform.play("playbooks/status.yml", service_platform="shop")
    assert "no-task" in shown


def test_no_task_that_is_wanted_by_hand_rings_no_more_once_the_service_is_deployed(
    service: Alarmed,
) -> None:
    service.keep(0)
    service.deploy()
    assert "no-task" not in service.alarms()
    assert service.ringing() == set()
    service.keep(1)
    service.deploy()
    assert service.alarms()["no-task"]["StateValue"] == "OK"


@pytest.mark.parametrize(
    "options",
    [
        {"service_desired_count": 0},
        {"service_scaling": {"min": 0, "max": 3}},
        {
            "service_scaling": {
                "min": 1,
                "max": 3,
                "schedules": [{"name": "night", "cron": "0 20 * * ? *", "min": 0, "max": 0}],
            }
        },
    ],
    ids=["the number", "scaling", "a schedule"],
)
def test_a_service_that_may_have_no_task_does_not_ring(
    service: Alarmed, options: dict[str, Any]
) -> None:
    service.heard()
    service.deploy(**options, service_alarm_few_requests=1)
    service.keep(0)
    assert service.ringing() == set()
    assert [it for it in service.heard() if it["NewStateValue"] == "ALARM"] == []
    service.keep(1)
    service.deploy()
    assert "no-task" in service.alarms()


def test_thresholds_and_the_dashboard_come_change_and_go_while_the_service_runs(
    service: Alarmed,
) -> None:
    service.deploy(
        service_dashboard=True,
        service_alarm_response_seconds=0.5,
        service_alarm_response_percentile="p99",
        service_alarm_cpu_percent=70,
        service_scaling={"min": 1, "max": 3},
    )
    alarms = service.alarms()
    slow = alarms["response-time"]
    assert (slow["ExtendedStatistic"], slow["Threshold"]) == ("p99", 0.5)
    assert alarms["cpu"]["Threshold"] == 70
    assert alarms["at-maximum"]["Threshold"] == 3
    name = f"{OWN}-{service.platform.aws.region}"
    body = json.loads(service.cloudwatch.get_dashboard(DashboardName=name)["DashboardBody"])
    *_, shown = body["widgets"]
    # Those that judge deployments aren't there: service_deployment_alarms is off.
    assert {it.rpartition(":")[2] for it in shown["properties"]["alarms"]} == {
        f"{OWN}-{it}" for it in alarms
    }
    none = (
        *("cpu_percent", "memory_percent", "server_errors", "connection_errors"),
        *("unhealthy_minutes", "no_task_minutes"),
    )
    service.deploy(**{f"service_alarm_{it}": 0 for it in none})
    assert service.alarms() == {}
    assert service.cloudwatch.list_dashboards(DashboardNamePrefix=OWN)["DashboardEntries"] == []
    service.deploy()
    assert service.platform.call("alarmed", "/").status == 200


def test_a_threshold_that_is_none_is_refused_before_aws_is_called(service: Alarmed) -> None:
    output = service.platform.play_in_vain(
        DEPLOY,
        **service.given,
        service_alarm_response_seconds=-1,
        service_alarm_cpu_percent=101,
    )
    told = " ".join(output.split())
    assert "service_alarm_response_seconds is '-1', but" in told
    assert "service_alarm_cpu_percent is '101', but" in told
