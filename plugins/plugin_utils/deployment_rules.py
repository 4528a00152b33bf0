"""Values of a service's deployment by which none could end, be judged, or be waited for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ansible_collections.quayside.fargate.plugins.plugin_utils import computed

Values = Mapping[str, Any]
MAXIMUMS = (100, 125, 150, 200)  # percent, as service.yml has them
# Minutes after which an alarm of service.yml rings at the earliest.
_SERVER_ERRORS = 2
_CPU = 3


def problems(values: Values) -> Iterator[str]:
    """Yield what is wrong with how a service is deployed, one line each.

    Args:
        values: all options of the role service by their names without the role's, typed.
    """
    yield from _percents(values)
    yield from _early_success(values)
    if values["deployment_alarms"]:
        yield from _bake_time(values)


def has_room(tasks: int, minimum: int, maximum: int) -> bool:
    """Say whether a deployment may start or stop a task, so that it can go on.

    Args:
        tasks: that the service shall have.
        minimum, maximum: percent of them that stay up, rounded up, and that may run, rounded down.

    Source: https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeploymentConfiguration.html
    """
    return not tasks or tasks * maximum // 100 > -(-tasks * minimum // 100)


def _counts(values: Values) -> tuple[str, range]:
    """Return the option that says how many tasks there may be, and all these numbers."""
    counts = computed.task_counts(values)
    if computed.scales(values):
        return f"service_scaling: {counts[0]} to {counts[-1]}", counts
    return f"service_desired_count: {counts[0]}", counts


def _percents(values: Values) -> Iterator[str]:
    minimum, maximum = values["minimum_healthy_percent"], values["maximum_percent"]
    option, counts = _counts(values)
    stuck = [it for it in counts if not has_room(it, minimum, maximum)]
    if stuck:
        enough = min(it for it in MAXIMUMS if all(has_room(n, minimum, it) for n in counts))
        tasks = "1 task" if stuck[0] == 1 else f"{stuck[0]} tasks"
        yield (
            f"service_maximum_percent is {maximum}, and service_minimum_healthy_percent {minimum}: "
            f"with {tasks} ({option}) none could start or stop, and no deployment or flip of the "
            f"database user would end. Give service_maximum_percent: {enough}, or another minimum."
        )
    if not minimum and values["route"]:
        yield (
            "service_minimum_healthy_percent is 0, and service_route is true: requests would find "
            "no task. Give 25 or more."
        )


def _early_success(values: Values) -> Iterator[str]:
    least, enough = values["minimum_healthy_percent"], values["healthy_percent"]
    both = values["database"] and values["database_users"] == "blue-green"
    if values["early_success"] and values["route"] and both and enough < least:
        yield (
            f"service_healthy_percent is {enough}, and service_minimum_healthy_percent {least}, "
            f"which ECS refuses. Give service_healthy_percent: {least} or more, or a smaller "
            "minimum."
        )


def _bake_time(values: Values) -> Iterator[str]:
    bakes, waits = values["bake_time_minutes"], values["timeout"]
    if bakes * 60 >= waits:
        yield (
            f"service_bake_time_minutes is {bakes}, and service_timeout {waits} seconds: each "
            "deployment would end with the time-out while it still bakes. Give service_timeout: "
            f"{(bakes + 30) * 60}, or a shorter bake time."
        )
    option, minutes = _slowest(values)
    if 0 < bakes <= minutes:
        yield (
            f"service_bake_time_minutes is {bakes}, and {option} rings after {minutes} minutes at "
            f"the earliest: it couldn't in the bake time. Give {minutes + 1} or more, or 0, by "
            "which only the deployment itself is judged."
        )


def _slowest(values: Values) -> tuple[str, int]:
    if not values["route"]:
        return "the CPU's alarm", _CPU
    unhealthy = values["deployment_alarm_unhealthy_minutes"]
    if unhealthy > _SERVER_ERRORS:
        return "the alarm by service_deployment_alarm_unhealthy_minutes", unhealthy
    return "the alarm of 5xx", _SERVER_ERRORS
