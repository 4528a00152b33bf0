"""What of a service's scaling is refused before AWS is called, by the variable that says it."""

from __future__ import annotations

import datetime
from typing import Any

import pytest

from ansible_collections.quayside.fargate.plugins.plugin_utils import scaling_rules, stack_options
from ansible_collections.quayside.fargate.plugins.plugin_utils.overlays import overlay
from ansible_collections.quayside.fargate.plugins.plugin_utils.variables import Variables
from tests.unit.templates.templates import load

TODAY = datetime.date(2026, 11, 29)
MORNING = {"name": "morning", "cron": "0 7 ? * MON-FRI *", "min": 4, "max": 20}
NIGHT = {"name": "night", "cron": "0 22 * * ? *", "min": 1, "max": 2}


def values(**given: Any) -> dict[str, Any]:
    """The role's options, of which some are given."""
    known = Variables.of_role("service")
    named = {"platform": "shop", "name": "orders", "image": "orders:1", **given}
    typed, refused = known.typed({f"service_{name}": value for name, value in named.items()})
    assert refused == []
    return dict(known.complete(typed, lambda _text, _known: ""))


def problems(**given: Any) -> list[str]:
    return list(scaling_rules.problems(values(**given), TODAY))


def scheduled(*schedules: dict[str, Any], **limits: Any) -> list[str]:
    return problems(scaling={"min": 2, "max": 10, **limits, "schedules": [*schedules]})


def test_scaling_that_is_off_or_whole_breaks_nothing() -> None:
    assert problems() == []
    assert scheduled(MORNING, NIGHT) == []
    assert scheduled(MORNING, NIGHT, cpu_percent=0) == []
    assert problems(scaling={"min": 0, "max": 9, "cpu_percent": 0, "requests_per_task": 60}) == []
    assert problems(spot_percent=70, on_demand_base=2) == []


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"scaling": {"min": 3, "max": 2}}, "service_scaling: min (3) is greater than max (2)."),
        (
            {"scaling": {"min": 1, "max": 2, "cpu_percent": 0}},
            "service_scaling: cpu_percent, memory_percent, requests_per_task are 0",
        ),
        (
            {"scaling": {"min": 1, "max": 2, "requests_per_task": 60}, "route": False},
            "service_scaling.requests_per_task counts the load balancer's requests",
        ),
        (
            {"scaling": {"min": 1, "max": 0, "schedules": [MORNING]}},
            "service_scaling: there are schedules, and scaling is off",
        ),
        ({"spot_percent": 100, "on_demand_base": 1}, "service_on_demand_base is 1, and"),
        (
            {"spot_percent": 10, "deregistration_delay_seconds": 120},
            "service_deregistration_delay_seconds is 120, and AWS ends a task on Fargate Spot 120",
        ),
    ],
)
def test_what_does_not_fit_together_is_refused(given: dict[str, Any], said: str) -> None:
    (line,) = problems(**given)
    assert line.startswith(said)


def test_a_worker_may_drain_as_long_as_it_likes() -> None:
    given = {"route": False, "deregistration_delay_seconds": 300}
    assert problems(spot_percent=50, **given) == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"cron": "0 7 31 2 ? *"}, "[1].cron (0 7 31 2 ? *) never happens"),
        ({"cron": "whenever"}, "[1].cron (whenever) has 1 fields"),
        ({"name": "morning"}, "[1].name is 'morning', as another's"),
        ({"name": "at night"}, "[1].name is 'at night'. Take up to 100 letters"),
        ({"time_zone": "CET"}, "[1].time_zone is 'CET'. Take UTC, or an area and a place"),
        ({"time_zone": "US/Eastern"}, "[1].time_zone is 'US/Eastern'."),
        ({"time_zone": "Europe/Berln"}, "[1].time_zone is 'Europe/Berln'."),
        ({"min": 3}, "[1]: min (3) is greater than max (2)"),
        ({"min": -1}, "[1].min is -1. Take 0 to 5000."),
        ({"max": 5001}, "[1].max is 5001. Take 0 to 5000."),
        ({"min": None, "max": None}, "[1] has neither min nor max"),
        # 4 is the other's least, and 2 the greatest of this one's.
        ({"min": None}, "[1]: max is 2, and min may be 4 at that time."),
        ({"max": None, "min": 11}, "[1]: min is 11, and max may be 10 at that time."),
    ],
)
def test_a_schedule_is_refused_by_its_place(change: dict[str, Any], said: str) -> None:
    other = {name: it for name, it in {**NIGHT, **change}.items() if it is not None}
    (line,) = scheduled(MORNING, other)
    assert line.startswith(f"service_scaling.schedules{said}")


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "Etc/GMT+9", "America/Argentina/Salta"])
def test_zones_by_their_first_names_are_taken(zone: str) -> None:
    assert scheduled({**NIGHT, "time_zone": zone}) == []


def test_schedules_are_laid_over_the_scalable_target() -> None:
    options = values(scaling={"min": 2, "max": 9, "schedules": [MORNING, NIGHT]}, overrides={})
    document = overlay(load("service"), stack_options.overlay("service", options))
    laid = document["Resources"]["ScalableTarget"]["Properties"]["ScheduledActions"]
    assert laid[0] == {
        "ScheduledActionName": "morning",
        "Schedule": "cron(0 7 ? * MON-FRI *)",
        "Timezone": "UTC",
        "ScalableTargetAction": {"MinCapacity": 4, "MaxCapacity": 20},
    }
    assert [it["ScheduledActionName"] for it in laid] == ["morning", "night"]


def test_without_schedules_an_empty_list_takes_the_old_ones_away() -> None:
    options = values(scaling={"min": 2, "max": 9})
    assert stack_options.overlay("service", options) == {}
    target = load("service")["Resources"]["ScalableTarget"]["Properties"]
    assert target["ScheduledActions"] == []
