"""Rolling deployments of ECS services, and the circuit breaker.

Source: Amazon ECS developer guide, "How the Amazon ECS deployment circuit breaker detects
failures".
"""

from __future__ import annotations

import time
from typing import Any

from ministack.services import ecs

from local_aws.mends import target_health

_RESTART_DELAY = 0.5  # seconds


def install() -> None:
    """Install the mends of this room."""
    _first_deployment_in_progress()
    _paced_restarts()
    _unhealthy_first()


def _first_deployment_in_progress() -> None:
    # Wrong upstream: the first deployment of a service counts as COMPLETED before a task runs, so
    # its circuit breaker never opens.
    upstream = ecs._make_deployment

    def make_deployment(*arguments: Any, **options: Any) -> Any:
        deployment = upstream(*arguments, **options)
        if deployment["status"] == "PRIMARY" and deployment["desiredCount"]:
            deployment["rolloutState"] = "IN_PROGRESS"
            deployment["rolloutStateReason"] = f"ECS deployment {deployment['id']} in progress."
        return deployment

    ecs._make_deployment = make_deployment


def _paced_restarts() -> None:
    # Wrong upstream: a failing task is replaced in a hot loop, while ECS throttles it; and a
    # deployment fails before one of its tasks could say which image it can't pull.
    upstream = ecs._record_service_task_failure

    def record_failure(task: dict[str, Any], digest_resolution_failed: bool = False) -> None:
        if not digest_resolution_failed:
            time.sleep(_RESTART_DELAY)
            upstream(task)

    ecs._record_service_task_failure = record_failure


def _unhealthy_first() -> None:
    # Wrong upstream: a deployment over an unfinished one makes room by stopping the oldest tasks,
    # which are the healthy ones.
    upstream = ecs._reconcile_service_tasks

    def reconcile(cluster: str, key: str) -> None:
        service = ecs._services.get(key) or {}
        primary = ecs._primary_deployment(service)
        if primary and primary["rolloutState"] == "IN_PROGRESS":
            for arn in _superseded(service, primary):
                ecs._stop_task({"task": arn, "cluster": cluster, "reason": _reason(primary)})
        upstream(cluster, key)

    ecs._reconcile_service_tasks = reconcile


def _reason(deployment: dict[str, Any]) -> str:
    # Amazon ECS developer guide, "Stopped task error messages".
    return f"Scaling activity initiated by (deployment {deployment['id']})"


def _superseded(service: dict[str, Any], primary: dict[str, Any]) -> list[str]:
    if not target_health.target_groups(service):
        return []
    return [
        arn
        for arn, task in list(ecs._tasks.items())
        if task.get("group") == f"service:{service['serviceName']}"
        and task["clusterArn"] == service["clusterArn"]
        and task["lastStatus"] in ecs._PRE_STOP_STATUSES
        and task.get("_deployment_id") != primary["id"]
        and not target_health.is_healthy_everywhere(service, task)
    ]
