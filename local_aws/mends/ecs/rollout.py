"""Rolling deployments of ECS services, and the circuit breaker.

Wrong upstream: a first deployment counts as complete; failing tasks restart in a hot loop; a newer
deployment stops the healthy tasks first; a missing image fails before a task says so.
Source: Amazon ECS developer guide, "How the Amazon ECS deployment circuit breaker detects
failures".
Last needed: ministack 1.5.33.
"""

from __future__ import annotations

import time
from typing import Any

from ministack.services import ecs

from local_aws.mending import Mending
from local_aws.mends.load_balancing import health

_RESTART_DELAY = 0.5  # seconds


def install(mending: Mending) -> None:
    """Install the mends of this room."""
    mending.around(ecs, "_make_deployment", _make_deployment)
    mending.around(ecs, "_record_service_task_failure", _record_failure)
    mending.around(ecs, "_reconcile_service_tasks", _reconcile)


def _make_deployment(upstream: Any, *arguments: Any, **options: Any) -> Any:
    # Wrong upstream: the first deployment of a service counts as COMPLETED before a task runs, so
    # its circuit breaker never opens.
    deployment = upstream(*arguments, **options)
    if deployment["status"] == "PRIMARY" and deployment["desiredCount"]:
        deployment["rolloutState"] = "IN_PROGRESS"
        deployment["rolloutStateReason"] = f"ECS deployment {deployment['id']} in progress."
    return deployment


def _record_failure(
    upstream: Any, task: dict[str, Any], digest_resolution_failed: bool = False
) -> None:
    # Wrong upstream: a failing task is replaced in a hot loop, while ECS throttles it; and a
    # deployment fails before one of its tasks could say which image it can't pull.
    if not digest_resolution_failed:
        time.sleep(_RESTART_DELAY)
        upstream(task)


def _reconcile(upstream: Any, cluster: str, key: str) -> None:
    # Wrong upstream: a deployment over an unfinished one makes room by stopping the oldest tasks,
    # which are the healthy ones.
    service = ecs._services.get(key) or {}
    primary = ecs._primary_deployment(service)
    if primary and primary["rolloutState"] == "IN_PROGRESS":
        for arn in _superseded(service, primary):
            ecs._stop_task({"task": arn, "cluster": cluster, "reason": _reason(primary)})
    upstream(cluster, key)


def _reason(deployment: dict[str, Any]) -> str:
    # Amazon ECS developer guide, "Stopped task error messages".
    return f"Scaling activity initiated by (deployment {deployment['id']})"


def _superseded(service: dict[str, Any], primary: dict[str, Any]) -> list[str]:
    if not health.target_groups(service):
        return []
    return [
        arn
        for arn, task in list(ecs._tasks.items())
        if task.get("group") == f"service:{service['serviceName']}"
        and task["clusterArn"] == service["clusterArn"]
        and task["lastStatus"] in ecs._PRE_STOP_STATUSES
        and task.get("_deployment_id") != primary["id"]
        and not health.is_healthy_everywhere(service, task)
    ]
