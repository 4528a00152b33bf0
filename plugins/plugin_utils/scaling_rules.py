"""Values of a service's scaling and of Fargate Spot that don't fit together, or to AWS."""

from __future__ import annotations

import datetime
import re
import zoneinfo
from collections.abc import Iterator, Mapping
from typing import Any

from ansible_collections.quayside.fargate.plugins.plugin_utils import cron

Values = Mapping[str, Any]
_MOST = 5000  # tasks, as service.yml has it
_LONGEST_DELAY = 120  # seconds between Spot's notice and a task's end
# "canonical names of the IANA time zones" (PutScheduledAction): the areas that have such, while
# US/Eastern and CET are others' second names.
_ZONE = re.compile(
    r"(Africa|America|Antarctica|Arctic|Asia|Atlantic|Australia|Europe|Indian|Pacific|Etc)"
    r"/[A-Za-z0-9_+/-]+"
)
# botocore's model of PutScheduledAction takes more; these need no quotes anywhere.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")
_METRICS = ("cpu_percent", "memory_percent", "requests_per_task")


def problems(values: Values, today: datetime.date) -> Iterator[str]:
    """Yield what is wrong with a service's scaling, one line each.

    Args:
        values: all options of the role service by their names without the role's, typed.
        today: from when on schedules have to happen.
    """
    scaling = values["scaling"]
    if scaling["max"]:
        yield from _limits(scaling)
        yield from _metrics(values)
        yield from _schedules(scaling, today)
    elif scaling["schedules"]:
        yield (
            "service_scaling: there are schedules, and scaling is off (max is 0). Give max, or "
            "leave schedules out."
        )
    yield from _spot(values)


def _limits(scaling: Values) -> Iterator[str]:
    if scaling["min"] > scaling["max"]:
        yield (
            f"service_scaling: min ({scaling['min']}) is greater than max ({scaling['max']}). "
            "Swap them."
        )


def _metrics(values: Values) -> Iterator[str]:
    scaling = values["scaling"]
    if not any(scaling[it] for it in _METRICS) and not scaling["schedules"]:
        yield (
            f"service_scaling: {', '.join(_METRICS)} are 0, and there is no schedule: nothing "
            "would change the number of tasks. Give one of them, or max: 0."
        )
    if scaling["requests_per_task"] and not values["route"]:
        yield (
            "service_scaling.requests_per_task counts the load balancer's requests, and "
            "service_route is false. Scale by cpu_percent or memory_percent."
        )


def _schedules(scaling: Values, today: datetime.date) -> Iterator[str]:
    seen: set[str] = set()
    for at, schedule in enumerate(scaling["schedules"]):
        name = schedule["name"]
        place = f"service_scaling.schedules[{at}]"
        if not _NAME.fullmatch(name):
            yield (
                f"{place}.name is {name!r}. Take up to 100 letters, digits, hyphens, underscores "
                "and full stops, a letter or digit first."
            )
        if name in seen:
            yield f"{place}.name is {name!r}, as another's. Take another name."
        seen.add(name)
        found = cron.problem(schedule["cron"], today)
        if found:
            yield f"{place}.cron ({schedule['cron']}) {found}"
        yield from _zone(f"{place}.time_zone", schedule["time_zone"])
        yield from _numbers(place, schedule)
    yield from _crossing(scaling)


def _zone(place: str, zone: str) -> Iterator[str]:
    known = zoneinfo.available_timezones()  # none where the machine has no such data
    if zone != "UTC" and (not _ZONE.fullmatch(zone) or (known and zone not in known)):
        yield f"{place} is {zone!r}. Take UTC, or an area and a place, such as Europe/Berlin."


def _numbers(place: str, schedule: Values) -> Iterator[str]:
    given = {it: schedule[it] for it in ("min", "max") if it in schedule}
    if not given:
        yield f"{place} has neither min nor max, and would change nothing. Give one or both."
    for limit, number in given.items():
        if not 0 <= number <= _MOST:
            yield f"{place}.{limit} is {number}. Take 0 to {_MOST}."
    if len(given) > 1 and given["min"] > given["max"]:
        yield f"{place}: min ({given['min']}) is greater than max ({given['max']}). Swap them."


def _crossing(scaling: Values) -> Iterator[str]:
    """Yield the limits of schedules that may meet another's: each that gives one leaves the other.

    https://docs.aws.amazon.com/autoscaling/application/APIReference/API_ScalableTargetAction.html
    """
    limits = [scaling, *scaling["schedules"]]
    least = min(it["max"] for it in limits if "max" in it)
    most = max(it["min"] for it in limits if "min" in it)
    for at, schedule in enumerate(scaling["schedules"]):
        place = f"service_scaling.schedules[{at}]"
        if "max" not in schedule and schedule.get("min", 0) > least:
            yield (
                f"{place}: min is {schedule['min']}, and max may be {least} at that time. Give the "
                "schedule its max too."
            )
        if "min" not in schedule and schedule.get("max", most) < most:
            yield (
                f"{place}: max is {schedule['max']}, and min may be {most} at that time. Give the "
                "schedule its min too."
            )


def _spot(values: Values) -> Iterator[str]:
    percent, base = values["spot_percent"], values["on_demand_base"]
    if percent == 100 and base:  # noqa: PLR2004 # percent
        yield (
            f"service_on_demand_base is {base}, and service_spot_percent is 100, which leaves no "
            "weight for others. Take 90, or no base."
        )
    delay = values["deregistration_delay_seconds"]
    if percent and values["route"] and delay >= _LONGEST_DELAY:
        yield (
            f"service_deregistration_delay_seconds is {delay}, and AWS ends a task on Fargate Spot "
            f"{_LONGEST_DELAY} seconds after its notice. Take less, or service_spot_percent: 0."
        )
