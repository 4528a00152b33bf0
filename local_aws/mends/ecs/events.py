"""What ECS tells EventBridge: each new state of a task, and of a deployment.

Wrong upstream: it tells nothing.
Source: Amazon ECS developer guide, "Amazon ECS task state change events" (the fields are those of
DescribeTasks, times in ISO 8601, without the health) and "Amazon ECS service deployment state
change events" (a failed deployment is told of services with a circuit breaker).
Not said there, and guessed: that a failure by an alarm is told in the same way, and that what
begins a rollback names the deployment that failed.
Last needed: ministack 1.5.33.
"""

from __future__ import annotations

import copy
import json
import logging
import threading
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any

from ministack.core.responses import request_scope
from ministack.services import ecs, eventbridge

from local_aws.mending import Layer, Mending

_MOVES = tuple(f"_mark_task_{it}" for it in ("pending", "activating", "running", "stopped"))
_NOT_TOLD = ("healthStatus", "tags")  # DescribeTasks has them, the events don't
_log = logging.getLogger("local_aws.ecs_events")


@dataclass(frozen=True)
class _Event:
    kind: str
    resource: str  # its ARN
    detail: dict[str, Any]


_waiting: SimpleQueue[_Event] = SimpleQueue()


def install(mending: Mending) -> None:
    """Tell of tasks; deployments.py tells of deployments."""
    for name in _MOVES:
        mending.around(ecs, name, _moved, layer=Layer.HISTORY)
    mending.last(threading.Thread(target=_send_for_ever, daemon=True, name="ecs-events").start)


def _moved(upstream: Any, arn: str, task: dict[str, Any], *rest: Any, **options: Any) -> Any:
    done = upstream(arn, task, *rest, **options)
    if done:
        tell_task(task)
    return done


def tell_task(task: dict[str, Any]) -> None:
    """Tell of a task's state, unless that was told.

    Args:
        task: as ministack keeps it.
    """
    state = (task["lastStatus"], task["desiredStatus"])
    if task.get("_told") == state:
        return
    task["_told"] = state
    shown = copy.deepcopy(ecs._sanitize(task))
    detail = {name: value for name, value in shown.items() if name not in _NOT_TOLD and value != ""}
    detail["updatedAt"] = ecs._iso()
    _waiting.put(_Event("ECS Task State Change", task["taskArn"], detail))


def tell_deployment(service: dict[str, Any], identity: str, name: str, reason: str) -> None:
    """Tell of a deployment's state.

    Args:
        service: as ministack keeps it.
        identity: of the deployment.
        name: of the event, behind SERVICE_DEPLOYMENT_.
        reason: AWS's words.
    """
    detail = {
        "eventType": "ERROR" if name == "FAILED" else "INFO",
        "eventName": f"SERVICE_DEPLOYMENT_{name}",
        "deploymentId": identity,
        "updatedAt": ecs._iso(),
        "reason": reason,
    }
    _waiting.put(_Event("ECS Deployment State Change", service["serviceArn"], detail))


def _send_for_ever() -> None:
    while True:
        event = _waiting.get()
        try:
            _send(event)
        except Exception:  # the next must be told whatever this one met
            _log.exception("An event could not be sent.")


def _send(event: _Event) -> None:
    region, account = event.resource.split(":")[3:5]
    entry = {
        "Source": "aws.ecs",
        "DetailType": event.kind,
        "Detail": json.dumps(event.detail),
        "Resources": [event.resource],
    }
    with request_scope(account, region):
        eventbridge._put_events({"Entries": [entry]}, allow_aws_source=True)
