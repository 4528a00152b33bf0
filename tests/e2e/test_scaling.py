"""A service that is scaled: nothing that changes its stack resets the number of its tasks."""

from __future__ import annotations

import datetime
import json
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.e2e.platform import ROOT, Platform
from tests.e2e.rotating import Rotating
from tests.e2e.traffic import traffic_on

NAME = "scaling"
COUNT = 7
MORNING = {"name": "morning", "cron": "0 7 ? * MON-FRI *", "time_zone": "Europe/Berlin", "min": 8}
LIMITS = {"min": 2, "max": 9}
ON = {**LIMITS, "requests_per_task": 600, "memory_percent": 80, "schedules": [MORNING]}
FIGURES = ROOT / "build" / "scaling.json"


class Scaled(Rotating):
    """A service whose number of tasks is seen by ECS's eyes."""

    def ecs(self) -> dict[str, Any]:
        """The service, as ECS describes it."""
        (found,) = self.platform.aws.client("ecs").describe_services(
            cluster="shop", services=[self.name]
        )["services"]
        return dict(found)

    def count(self) -> int:
        """The number of tasks that it shall have."""
        return int(self.ecs()["desiredCount"])

    def run(self, count: int) -> None:
        """Scale to a number of tasks as a policy does, and wait until they run."""
        assert self.platform.aws.scale("shop", self.name, count) == count
        self.eventually(lambda: self.ecs()["runningCount"] == count, f"{count} tasks run")

    def providers(self) -> Counter[str]:
        """The capacity providers of the running tasks of the newest deployment."""
        ecs = self.platform.aws.client("ecs")
        arns = ecs.list_tasks(cluster="shop", serviceName=self.name)["taskArns"]
        tasks = ecs.describe_tasks(cluster="shop", tasks=arns)["tasks"] if arns else []
        return Counter(it["capacityProviderName"] for it in tasks)

    def definition(self) -> str:
        """The task definition."""
        return self.platform.outputs(self.stack_name)["TaskDefinitionArn"]

    def calls(self) -> int:
        """How many calls of AWS who deploys services has made so far."""
        return sum("service-deployer" in it.principal for it in self.platform.aws.calls())

    def metrics(self) -> dict[str, float]:
        """The metrics that it is scaled by, with their targets."""
        scaling = self.platform.aws.client("application-autoscaling")
        found = scaling.describe_scaling_policies(
            ServiceNamespace="ecs", ResourceId=f"service/shop/{self.name}"
        )["ScalingPolicies"]
        configured = [it["TargetTrackingScalingPolicyConfiguration"] for it in found]
        return {
            it["PredefinedMetricSpecification"]["PredefinedMetricType"]: it["TargetValue"]
            for it in configured
        }

    @contextmanager
    def watched(self, figures: dict[str, Any], what: str) -> Iterator[None]:
        """Note the count before, during and after a block, and the requests that it loses."""
        seen: list[dict[str, Any]] = []
        over = threading.Event()

        def watch() -> None:
            while not over.wait(0.2):
                seen.append(self.ecs())

        watching = threading.Thread(target=watch)
        before = self.count()
        watching.start()
        try:
            with traffic_on(self.platform, self.name, "/") as traffic:
                yield
        finally:
            over.set()
            watching.join()
        figures[what] = {
            "before": before,
            "during": sorted({it["desiredCount"] for it in seen}),
            "fewest running": min(it["runningCount"] for it in seen),
            "after": self.count(),
            "requests": traffic.sent,
            "lost": len(traffic.failures),
        }


@pytest.fixture(scope="module")
def figures() -> Iterator[dict[str, Any]]:
    noted: dict[str, Any] = {}
    yield noted
    FIGURES.parent.mkdir(exist_ok=True)
    FIGURES.write_text(json.dumps(noted, indent=2) + "\n")


@pytest.fixture(scope="module")
def scaled(platform: Platform, hello_image: str) -> Iterator[Scaled]:
    """A service with a database and seven tasks, by scaling."""
    service = Scaled(platform, NAME, hello_image, service_scaling=ON)
    del service.variables["service_desired_count"]  # nobody says one
    service.deploy()
    assert service.count() == LIMITS["min"]
    service.run(COUNT)
    yield service
    platform.play("playbooks/service.yml", **service.variables, service_state="absent")


def unmoved(figures: dict[str, Any], what: str) -> bool:
    """Whether the count was the same before, during and after, and no request was lost."""
    found = figures[what]
    counts = {found["before"], *found["during"], found["after"]}
    return counts == {COUNT} and found["fewest running"] >= COUNT and not found["lost"]


def test_a_redeployment_a_flip_and_a_rollback_leave_the_count_alone(
    scaled: Scaled, figures: dict[str, Any]
) -> None:
    metrics = {
        "ECSServiceAverageCPUUtilization": 60,
        "ECSServiceAverageMemoryUtilization": 80,
        "ALBRequestCountPerTarget": 600,
    }
    assert scaled.metrics() == metrics
    tasks = scaled.definition()
    with scaled.watched(figures, "redeployment"):
        scaled.variables["service_environment"] = {"SAYS": "more"}
        scaled.deploy()
    assert scaled.definition() != tasks
    assert unmoved(figures, "redeployment"), figures
    with scaled.watched(figures, "flip"):
        scaled.wait_for(scaled.rotate())
    assert unmoved(figures, "flip"), figures
    after = scaled.definition()
    with scaled.watched(figures, "rollback"):
        given = {"service_platform": "shop", "service_name": NAME}
        scaled.platform.play("playbooks/rollback.yml", **given)
    assert scaled.definition() != after
    assert unmoved(figures, "rollback"), figures
    assert scaled.metrics() == metrics


def test_a_schedule_raises_the_minimum_and_a_deployment_does_not_lower_the_count(
    scaled: Scaled,
) -> None:
    berlin = datetime.timezone(datetime.timedelta(hours=1))
    monday = datetime.datetime(2027, 1, 4, 7, 0, tzinfo=berlin)
    assert scaled.platform.aws.scale_as_scheduled(monday) == [f"{NAME}/morning"]
    assert scaled.count() == MORNING["min"]
    # Another limit makes CloudFormation register the target anew, with the template's minimum.
    scaled.variables["service_scaling"] = {**ON, "max": 10, "schedules": [], "memory_percent": 0}
    scaled.deploy()
    assert scaled.count() == MORNING["min"]
    assert "ECSServiceAverageMemoryUtilization" not in scaled.metrics()
    assert scaled.platform.aws.scale_as_scheduled(monday) == []
    scaled.run(COUNT)


@pytest.mark.walk
def test_what_scaling_left_stays_when_it_ends_and_spot_comes_and_goes(
    scaled: Scaled, figures: dict[str, Any]
) -> None:
    scaled.variables["service_scaling"] = {**LIMITS, "max": 0}
    with scaled.watched(figures, "scaling off, Spot on"):
        scaled.deploy(service_spot_percent=40, service_on_demand_base=2)
    assert unmoved(figures, "scaling off, Spot on"), figures
    assert scaled.providers() == {"FARGATE": 5, "FARGATE_SPOT": 2}
    assert scaled.metrics() == {}
    with scaled.watched(figures, "Spot off"):
        scaled.deploy()
    assert unmoved(figures, "Spot off"), figures
    assert scaled.providers() == {"FARGATE": COUNT}
    assert "changed=0" in scaled.deploy()
    scaled.deploy(service_desired_count=1)
    assert scaled.count() == 1


def test_a_day_that_no_calendar_has_is_refused_before_aws_is_called(scaled: Scaled) -> None:
    schedule = {**MORNING, "cron": "0 7 31 2 ? *"}
    given = {**scaled.variables, "service_scaling": {**ON, "schedules": [schedule]}}
    before = scaled.calls()
    output = scaled.platform.play_in_vain("playbooks/service.yml", **given)
    said = "service_scaling.schedules[0].cron (0 7 31 2 ? *) never happens"
    assert said in " ".join(output.split())
    assert before
    assert scaled.calls() == before
