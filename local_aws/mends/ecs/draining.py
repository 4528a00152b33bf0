"""Stopping a task as ECS does it: out of the load balancer first, then SIGTERM.

Wrong upstream: StopTask says STOPPED and kills the process in the same call, so that requests under
way die, and no caller ever sees a draining task.
Source: Amazon ECS developer guide, "Amazon ECS task lifecycle".
Last needed: ministack 1.5.33. Not shown by a probe: without Docker upstream runs no
task that could drain.
"""

from __future__ import annotations

import time
from typing import Any

from ministack.core.concurrency import resource_lock, spawn_background
from ministack.core.responses import get_account_id, get_region, json_response, request_scope
from ministack.services import alb, ecs, ecs_metadata

from local_aws.mending import Mending
from local_aws.mends.ecs import events, targets

_DEFAULT_DEREGISTRATION_DELAY = (
    300  # seconds; ELB's default of deregistration_delay.timeout_seconds
)
_STOP_TIMEOUT = 30  # seconds; ECS's default of stopTimeout
_WAIT_MARGIN = 10  # seconds that a delete waits beyond the delay and the stop timeout

Task = dict[str, Any]


def install(mending: Mending) -> None:
    """Let StopTask drain."""
    mending.around(ecs, "_stop_task", _stop_task)


def _stop_task(upstream: Any, data: dict[str, Any]) -> Any:
    cluster = ecs._resolve_cluster_name(data.get("cluster", "default")) or ""
    task = ecs._resolve_task(data.get("task", ""), cluster)
    if task and task["desiredStatus"] == "STOPPED":
        return json_response({"task": ecs._sanitize(task)})
    reason = data.get("reason", "Task stopped by user")
    if not task or task["lastStatus"] != "RUNNING" or not task.get("_docker_ids"):
        answer = upstream(data)  # nothing runs yet, so nothing drains
        if task:
            task["stopCode"] = _stop_code(task, reason)
            events.tell_task(task)
        return answer
    _drain(task, reason)
    return json_response({"task": ecs._sanitize(task)})


def service_is_gone(cluster: str, service: str) -> bool:
    """Wait until no task of a deleted service is left; return whether none is."""
    group = f"service:{service}"
    deadline = time.monotonic() + _longest_stop(ecs._services.get(f"{cluster}/{service}") or {})
    while time.monotonic() < deadline:
        if not any(
            task.get("group") == group
            and task["clusterArn"].endswith(f"/{cluster}")
            and task["lastStatus"] != "STOPPED"
            for task in ecs._tasks.values()
        ):
            return True
        time.sleep(0.05)
    return False


def _longest_stop(service: dict[str, Any]) -> float:
    return _deregistration_delay(service) + _STOP_TIMEOUT + _WAIT_MARGIN


def reclaim(task: Task) -> bool:
    """Take a task of Fargate Spot away: SIGTERM comes at once, SIGKILL after its stop timeout."""
    if task["lastStatus"] != "RUNNING" or not task.get("_docker_ids"):
        return False
    _drain(task, "Your Spot Task was interrupted.", code="SpotInterruption", delay=0)
    return True


def _drain(task: Task, reason: str, *, code: str = "", delay: float | None = None) -> None:
    containers = list(task["_docker_ids"])
    service = ecs._services.get(
        f"{ecs._cluster_name_from_arn(task['clusterArn'])}/"
        f"{task.get('group', '').removeprefix('service:')}"
    )
    if delay is None:
        delay = _deregistration_delay({"loadBalancers": targets.of_task(service or {}, task)})
    ecs._bump_task_version(task)
    _move(
        task,
        "DEACTIVATING",
        desiredStatus="STOPPED",
        stoppingAt=ecs._iso(),
        stoppedReason=reason,
        stopCode=code or _stop_code(task, reason),
    )
    account, region = get_account_id(), get_region()

    def finish() -> None:
        with request_scope(account, region):
            time.sleep(delay)
            _move(task, "STOPPING")
            exit_codes = [
                _end(container, timeout)
                for container, timeout in zip(containers, _stop_timeouts(task), strict=False)
            ]
            ecs._cleanup_task_resources(task, ecs._get_docker())
            _move(task, "DEPROVISIONING")
            for container, exit_code in zip(task["containers"], exit_codes, strict=False):
                container.update(lastStatus="STOPPED", exitCode=exit_code)
            ecs_metadata.set_task_status(
                task["taskArn"], known_status="STOPPED", desired_status="STOPPED"
            )
            _move(task, "STOPPED", stoppedAt=ecs._iso(), executionStoppedAt=ecs._iso())

    spawn_background(finish, thread_name=f"drain-{task['taskArn'][-6:]}")


def _stop_code(task: Task, reason: str) -> str:
    user = "user" in reason or not task.get("group", "").startswith("service:")
    return "UserInitiated" if user else "ServiceSchedulerInitiated"


def _deregistration_delay(service: dict[str, Any]) -> float:
    delays = [0.0]
    groups = [each.get("targetGroupArn") for each in service.get("loadBalancers") or []]
    for group in (group for group in groups if group in alb._tgs):  # one that is gone drains none
        attributes = {
            attribute["Key"]: attribute["Value"] for attribute in alb._tg_attrs.get(group) or []
        }
        name = "deregistration_delay.timeout_seconds"
        delays.append(float(attributes.get(name, _DEFAULT_DEREGISTRATION_DELAY)))
    return max(delays)


def _stop_timeouts(task: Task) -> list[int]:
    definition = ecs._task_defs.get(ecs._resolve_td_key(task["taskDefinitionArn"])) or {}
    containers = definition.get("containerDefinitions") or []
    return [int(it.get("stopTimeout") or _STOP_TIMEOUT) for it in containers]


def _end(container_id: str, timeout: int) -> int:
    try:
        container = ecs._get_docker().containers.get(container_id)
    except LookupError:
        return 0
    container.stop(timeout=timeout)
    return int(container.wait()["StatusCode"])


def _move(task: Task, status: str, **fields: Any) -> None:
    with resource_lock("ecs-task", task["taskArn"]):
        task["lastStatus"] = status
        task.update(fields)
    events.tell_task(task)
    cluster = ecs._cluster_name_from_arn(task["clusterArn"])
    ecs._recount_cluster(cluster)
    ecs._refresh_service_state(cluster, task.get("group", ""))
