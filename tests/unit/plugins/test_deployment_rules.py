"""What of a service's deployment is refused before AWS is called: what can't end or be judged."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.quayside.fargate.plugins.plugin_utils import deployment_rules
from local_aws.mends.ecs.decisions import Counts, Stage, Step, is_stuck, rules, stage, step
from tests.unit.plugins.test_variable_rules import broken, values
from tests.unit.templates.templates import ALARM, Stack, load, of_type
from tests.unit.templates.test_service import COMPLETE

PARAMETERS = load("service")["Parameters"]
PERCENTS = {
    name: PARAMETERS[name]["AllowedValues"] for name in ("MinimumHealthyPercent", "MaximumPercent")
}
NIGHT = {"name": "night", "cron": "0 22 * * ? *", "min": 1, "max": 2}


def problems(**options: Any) -> list[str]:
    return list(deployment_rules.problems(values(**options)))


def ends(desired: int, minimum: int, maximum: int, *, early: bool) -> bool:
    """Whether a deployment of the local AWS, whose tasks get healthy and stop at once, ends."""
    criteria = {"enable": early, "healthyPercent": 100, "sourceServiceRevisionCleanup": "DEFERRED"}
    configured = {"minimumHealthyPercent": minimum, "maximumPercent": maximum}
    its = rules(desired, {**configured, "earlySuccessCriteria": criteria})
    new, old = 0, desired
    while True:
        counts = Counts(new=new, healthy=new, old=old, old_healthy=old, leaving=old)
        now = stage(its, counts, baked=True)
        if now is Stage.DONE:
            return True
        taken = step(its, counts, now)
        if is_stuck(its, counts, taken):
            return False
        assert taken != Step(0, 0)
        new, old = new + taken.start, old - taken.stop


@given(
    desired=st.one_of(st.integers(1, 12), st.integers(1, 5000)),
    minimum=st.sampled_from(PERCENTS["MinimumHealthyPercent"]),
    maximum=st.sampled_from(PERCENTS["MaximumPercent"]),
    early=st.booleans(),
)
def test_what_the_role_takes_ends_and_nothing_else(
    desired: int, minimum: int, maximum: int, early: bool
) -> None:
    refused = problems(
        desired_count=desired,
        minimum_healthy_percent=minimum,
        maximum_percent=maximum,
        early_success=early,
        route=False,
        deployment_alarms=False,
    )
    assert (not refused) == ends(desired, minimum, maximum, early=early)


@given(
    least=st.integers(0, 20),
    more=st.integers(0, 20),
    minimum=st.sampled_from(PERCENTS["MinimumHealthyPercent"][1:]),
    maximum=st.sampled_from(PERCENTS["MaximumPercent"]),
)
def test_every_number_that_scaling_may_come_to_ends(
    least: int, more: int, minimum: int, maximum: int
) -> None:
    most = max(1, least + more)
    scaling = {"min": least, "max": most, "cpu_percent": 70}
    refused = problems(scaling=scaling, minimum_healthy_percent=minimum, maximum_percent=maximum)
    counts = range(max(1, least), most + 1)
    assert (not refused) == all(ends(it, minimum, maximum, early=True) for it in counts)


@pytest.mark.parametrize(
    ("options", "count", "maximum"),
    [
        (
            {"desired_count": 2, "minimum_healthy_percent": 75, "maximum_percent": 125},
            "2 tasks",
            150,
        ),
        (
            {"desired_count": 3, "minimum_healthy_percent": 90, "maximum_percent": 125},
            "3 tasks",
            150,
        ),
        (
            {"desired_count": 9, "minimum_healthy_percent": 90, "maximum_percent": 100},
            "9 tasks",
            125,
        ),
        ({"desired_count": 1, "maximum_percent": 150}, "1 task (service_desired_count: 1)", 200),
        (
            {"scaling": {"min": 1, "max": 4, "cpu_percent": 70}, "maximum_percent": 150},
            "1 task (service_scaling: 1 to 4)",
            200,
        ),
        (
            {"scaling": {"min": 4, "max": 8, "schedules": [NIGHT]}, "maximum_percent": 150},
            "1 task (service_scaling: 1 to 8)",
            200,
        ),
    ],
)
def test_a_deployment_without_room_is_refused_with_the_percents_that_give_it(
    options: dict[str, Any], count: str, maximum: int
) -> None:
    (line,) = broken(**options)
    assert f"with {count}" in line
    assert f"Give service_maximum_percent: {maximum}," in line
    assert broken(**options | {"maximum_percent": maximum}) == []


def test_a_number_of_tasks_that_scaling_overrides_is_not_looked_at() -> None:
    scaling = {"min": 4, "max": 8, "cpu_percent": 70}
    assert broken(desired_count=1, scaling=scaling, maximum_percent=150) == []
    assert broken(desired_count=0, maximum_percent=125) == []


def test_a_share_below_the_minimum_is_refused_where_early_success_is_on() -> None:
    for least in PERCENTS["MinimumHealthyPercent"][1:]:
        for enough in PARAMETERS["HealthyPercent"]["AllowedValues"]:
            given = {"minimum_healthy_percent": least, "healthy_percent": enough}
            assert bool(broken(**given)) == (enough < least)
            assert broken(**given, early_success=False) == []
            assert broken(**given, database=False) == []


def test_a_route_keeps_a_task() -> None:
    (line,) = broken(minimum_healthy_percent=0)
    assert line.startswith("service_minimum_healthy_percent is 0, and service_route is true")
    assert broken(minimum_healthy_percent=0, route=False) == []


JUDGED: dict[str, Any] = {"deployment_alarms": True}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"bake_time_minutes": 60}, "service_timeout 3600 seconds"),
        ({"bake_time_minutes": 20, "timeout": 1200}, "Give service_timeout: 3000"),
        ({"bake_time_minutes": 3}, "service_deployment_alarm_unhealthy_minutes rings after 3 "),
        ({"deployment_alarm_unhealthy_minutes": 5}, "Give 6 or more"),
        ({"bake_time_minutes": 2, "deployment_alarm_unhealthy_minutes": 1}, "alarm of 5xx rings"),
        ({"bake_time_minutes": 3, "route": False}, "the CPU's alarm rings after 3 minutes"),
    ],
)
def test_a_bake_time_that_is_too_long_or_too_short_is_refused_with_alarms(
    options: dict[str, Any], said: str
) -> None:
    (line,) = broken(**JUDGED, **options)
    assert line.startswith("service_bake_time_minutes is ")
    assert said in line
    assert broken(**options) == []


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"route": False},
        {"bake_time_minutes": 0},
        {"bake_time_minutes": 59},
        {"bake_time_minutes": 60, "timeout": 7200},
        {"bake_time_minutes": 9, "deployment_alarm_unhealthy_minutes": 5},
    ],
)
def test_a_bake_time_in_which_each_alarm_may_ring_is_taken(options: dict[str, Any]) -> None:
    assert broken(**JUDGED, **options) == []


@pytest.mark.parametrize("route", [True, False])
def test_an_alarm_rings_as_soon_as_the_rules_say(route: bool) -> None:
    listener = {"ListenerArn": "arn:aws:elasticloadbalancing:r:1:listener/app/shop/a/b"}
    switched = {"DeploymentAlarms": "true", "Route": str(route).lower(), **listener}
    resources = Stack("service", COMPLETE | switched).resources
    alarms = [resources[it]["Properties"] for it in of_type("service", ALARM) if it in resources]
    needed = [int(it.get("DatapointsToAlarm", it["EvaluationPeriods"])) for it in alarms]
    slowest = max(int(it["Period"]) * n for it, n in zip(alarms, needed, strict=True))
    _, minutes = deployment_rules._slowest(values(route=route))
    assert slowest == minutes * 60


def test_the_percents_are_the_templates() -> None:
    assert [*deployment_rules.MAXIMUMS] == PERCENTS["MaximumPercent"]
