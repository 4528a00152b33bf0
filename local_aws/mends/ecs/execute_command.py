"""ECS Exec: who has its agent, and which tasks a command can be run in.

Wrong upstream: no task has a managed agent, and a session is given for any task. Here a task whose
ExecuteCommand was on when it began has a running agent while it runs itself. There is no session
behind what ExecuteCommand answers.
Source: botocore's model (ManagedAgent, ExecuteCommand); the words of the refusal are those that
people quote (aws-containers/amazon-ecs-exec-checker).
Last needed: ministack 1.5.33.
"""

from __future__ import annotations

import json
from typing import Any

from ministack.core.responses import error_response_json
from ministack.services import ecs

from local_aws.mending import Layer, Mending

_AGENT = "ExecuteCommandAgent"
_NOT_ENABLED = (
    "The execute command failed because execute command was not enabled when the task was run or "
    "the execute command agent isn't running. Wait and try again or run a new task with execute "
    "command enabled and try again."
)


def install(mending: Mending) -> None:
    """Install the mends of this room."""
    mending.around(ecs, "_ACTION_MAP", _describe_tasks, key="DescribeTasks")
    state = Layer.STATE
    mending.around(ecs, "_ACTION_MAP", _execute_command, key="ExecuteCommand", layer=state)


def _describe_tasks(upstream: Any, data: dict[str, Any]) -> Any:
    status, headers, body = upstream(data)
    answer = json.loads(body)
    for task in answer.get("tasks", []) if status == 200 else ():  # noqa: PLR2004 - of HTTP
        if task.get("enableExecuteCommand"):
            for container in task.get("containers", []):
                container["managedAgents"] = [_agent(task, container)]
    return status, headers, json.dumps(answer).encode()


def _agent(task: dict[str, Any], container: dict[str, Any]) -> dict[str, Any]:
    agent = {"name": _AGENT, "lastStatus": container.get("lastStatus", "PENDING")}
    return {**agent, "lastStartedAt": task["startedAt"]} if task.get("startedAt") else agent


def _execute_command(upstream: Any, data: dict[str, Any]) -> Any:
    cluster = ecs._resolve_cluster_name(data.get("cluster", "default"))
    task = ecs._resolve_task(data.get("task", ""), cluster) if cluster else None
    if task and not (task.get("enableExecuteCommand") and task.get("lastStatus") == "RUNNING"):
        return error_response_json("InvalidParameterException", _NOT_ENABLED, 400)
    return upstream(data)
