"""What a service's alarms must know of the number of its tasks, which no metric of AWS/ECS tells.

ECS sends metrics of services with running tasks only, and so does Container Insights, which has the
number that is wanted: neither tells a service that has lost its tasks from one that is to have
none. Source: Amazon ECS developer guide, "Amazon ECS CloudWatch metrics" and "Monitor Amazon ECS
containers using Container Insights".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ansible_collections.quayside.fargate.plugins.plugin_utils import computed

Values = Mapping[str, Any]


def options(values: Values, wanted: int | None) -> dict[str, Any]:
    """Return the values of MayHaveNoTask and MostTasks, by their options' names.

    Args:
        values: all options of the role service by their names without the role's, typed.
        wanted: the number that ECS is told to keep running now; None if nobody knows it.
    """
    return {
        "may_have_no_task": wanted == 0 or 0 in computed.task_counts(values),
        "most_tasks": max(_most(values), default=0),
    }


def _most(values: Values) -> Iterator[int]:
    """Yield the greatest numbers that scaling may make; none where it makes always the same."""
    if len(computed.task_counts(values)) > 1:
        scaling = values["scaling"]
        yield from (it["max"] for it in (scaling, *scaling["schedules"]) if "max" in it)
