"""What is told of one service: its state in a word, its tasks, its image, its last deployment."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.quayside.fargate.custom_resources.contract.stacks import (
    SHELL,
    STABLE,
    is_busy,
)

OK, RUNNING, STOPPED, FAILED = "ok", "running", "stopped", "failed"
ROLLING_BACK, ROLLED_BACK = "rolling back", "rolled back"
# Amazon ECS API reference: ServiceDeployment, status; Deployment, rolloutState.
RESULTS = {
    "PENDING": RUNNING,
    "IN_PROGRESS": RUNNING,
    "SUCCESSFUL": OK,
    "COMPLETED": OK,
    "STOP_REQUESTED": STOPPED,
    "STOPPED": STOPPED,
    "ROLLBACK_REQUESTED": ROLLING_BACK,
    "ROLLBACK_IN_PROGRESS": ROLLING_BACK,
    "ROLLBACK_SUCCESSFUL": ROLLED_BACK,
    "ROLLBACK_FAILED": FAILED,
    "FAILED": FAILED,
}
# What the status of a stack begins with on which an operation runs; the first that fits.
_BUSY = (
    ("DELETE", "deleting"),
    ("ROLLBACK", ROLLING_BACK),
    ("UPDATE_ROLLBACK", ROLLING_BACK),
    ("IMPORT_ROLLBACK", ROLLING_BACK),
    ("CREATE", "creating"),
    ("UPDATE", "updating"),
    ("IMPORT", "importing"),
)
_CONTAINER = "app"  # the templates' own; others beside it come by overlays

Answer = Mapping[str, Any]


def state(
    status: str,
    tasks: Mapping[str, int] | None,
    deployment: Mapping[str, Any] | None,
    alarms: Sequence[str],
) -> str:
    """Return the state of a service in a word; of several, the one to look at first.

    Args:
        status: of its stack.
        tasks: as `tasks` tells them; None if they aren't known.
        deployment: as `last_deployment` tells it; None if there is none.
        alarms: its alarms that ring.
    """
    result = deployment["result"] if deployment else None
    return (
        _state_of_stack(status)
        or _state_of_tasks(tasks, result)
        or (ROLLED_BACK if "ROLLBACK" in status or result == ROLLED_BACK else "")
        or _state_of_result(result)
        or ("few tasks" if tasks and tasks["running"] < tasks["desired"] else "")
        or ("alarm" if alarms else "ok")
    )


def _state_of_stack(status: str) -> str:
    if status == SHELL:
        return "not deployed"
    if is_busy(status):
        return next((word for start, word in _BUSY if status.startswith(start)), "busy")
    return "" if status in STABLE else FAILED


def _state_of_tasks(tasks: Mapping[str, int] | None, result: str | None) -> str:
    if tasks is None or tasks["running"]:
        return ""
    if tasks["desired"]:
        return "starting" if result == RUNNING else "down"
    return "no tasks"


def _state_of_result(result: str | None) -> str:
    return {RUNNING: "deploying", ROLLING_BACK: ROLLING_BACK, FAILED: FAILED}.get(result or "", "")


def tasks(service: Answer | None) -> dict[str, int] | None:
    """Return how many tasks run, are wanted and are about to start; None without an ECS service.

    Args:
        service: DescribeServices' entry.
    """
    if service is None:
        return None
    return {
        "running": service["runningCount"],
        "desired": service["desiredCount"],
        "pending": service.get("pendingCount", 0),
    }


def rollout(service: Answer | None) -> dict[str, Any] | None:
    """Return the deployment that runs, with its numbers of tasks; None if none does."""
    for it in (service or {}).get("deployments", []):
        if it.get("rolloutState") == "IN_PROGRESS":
            return {
                "id": it["id"],
                "running": it["runningCount"],
                "desired": it["desiredCount"],
                "failed": it.get("failedTasks", 0),
            }
    return None


def last_deployment(service: Answer | None, told: Answer | None) -> dict[str, Any] | None:
    """Return when the last deployment was and how it went; None if there is none.

    Args:
        service: DescribeServices' entry.
        told: what ECS remembers of it (ServiceDeployment, or its brief form). None: the primary
            deployment is taken, which doesn't tell that it is the way back from another.
    """
    if told:
        reason = (told.get("rollback") or {}).get("reason") or told.get("statusReason")
        return {
            "id": told["serviceDeploymentArn"].rpartition("/")[2],
            "at": moment(told.get("createdAt")),
            "finished": moment(told.get("finishedAt")),
            "result": RESULTS.get(told["status"], told["status"].lower()),
            "reason": reason,
            "by": None,
        }
    primary = primary_of(service)
    if primary is None:
        return None
    result = RESULTS.get(primary.get("rolloutState", ""), RUNNING)
    ended = moment(primary.get("updatedAt")) if result != RUNNING else None
    return {
        "id": primary["id"].rpartition("/")[2],
        "at": moment(primary.get("createdAt")),
        "finished": ended,
        "result": result,
        "reason": primary.get("rolloutStateReason") if result != OK else None,
        "by": None,
    }


def primary_of(service: Answer | None) -> Answer | None:
    """Return the primary deployment of DescribeServices' entry; None if there is none."""
    deployments = (service or {}).get("deployments", [])
    return next((it for it in deployments if it["status"] == "PRIMARY"), None)


def revision_in_use(service: Answer | None) -> str | None:
    """Return the ARN of the service revision with the most running tasks; None if none is told."""
    told = (service or {}).get("currentServiceRevisions") or []
    known = [it for it in told if it.get("arn")]
    if not known:
        return None
    return str(max(known, key=lambda it: it.get("runningTaskCount", 0))["arn"])


def container(revision: Answer | None, given: str | None) -> tuple[str | None, str | None]:
    """Return the reference of the image in use, and its digest.

    Args:
        revision: what ECS says of the service revision in use, if it does.
        given: the parameter Image of the stack; None if it has none.
    """
    images = (revision or {}).get("containerImages") or []
    of_ours = [it for it in images if it.get("containerName") == _CONTAINER]
    image = (of_ours or images or [{}])[0]
    reference = image.get("image") or given
    in_name = (reference or "").partition("@")[2]
    return reference, image.get("imageDigest") or in_name or None


def tag_of(reference: str) -> str | None:
    """Return the tag in an image's reference; None if it has none, as one by digest."""
    name = reference.partition("@")[0]
    return name.rpartition("/")[2].partition(":")[2] or None


def repository_of(reference: str) -> str:
    """Return the repository in an image's reference, without its registry, tag and digest."""
    host, slash, rest = reference.partition("@")[0].partition("/")
    # A registry's name has a dot or a port (OCI distribution specification's references).
    name = rest if slash and ("." in host or ":" in host) else host + slash + rest
    return name.partition(":")[0]


def moment(at: datetime.datetime | None) -> str | None:
    """Return a moment in UTC as ISO 8601 has it."""
    return at.astimezone(datetime.UTC).isoformat(timespec="seconds") if at else None
