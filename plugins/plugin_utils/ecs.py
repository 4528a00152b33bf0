"""Tasks of Amazon ECS that stopped: why, and what they last wrote."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping
from itertools import groupby
from typing import Any

from ansible_collections.quayside.fargate.plugins.plugin_utils import aws
from ansible_collections.quayside.fargate.plugins.plugin_utils.errors import StackError

# Replaced or scaled in: nothing to explain.
# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/stopped-task-error-codes.html
_ORDERLY = "Scaling activity initiated by"
_LINES = 5

Task = Mapping[str, Any]


def stopped(account: aws.Account, cluster: str, family: str, seconds: float) -> list[str]:
    """Say why tasks of a family stopped, a sentence a reason, the newest reason first.

    Args:
        account: makes the clients.
        cluster: name of the cluster.
        family: family of the tasks' definition.
        seconds: how far back to look; ECS itself remembers an hour.

    Returns: sentences with the number of tasks, the reason, and the last lines of one's log.
    Raises: StackError if AWS refuses to tell.
    """
    since = datetime.datetime.now(datetime.UTC) - datetime.timedelta(seconds=seconds)
    try:
        tasks = [task for task in _tasks(account, cluster, family) if _failed(task, since)]
        tasks.sort(key=lambda task: (_reason(task), task["stoppedAt"]))
        groups = [list(group) for _key, group in groupby(tasks, key=_reason)]
        groups.sort(key=lambda group: group[-1]["stoppedAt"], reverse=True)
        return [_sentence(account, group) for group in groups]
    except aws.AwsError as error:
        doing = f"Looking for stopped tasks of {family}"
        raise StackError(aws.explain(error, doing)) from error


def _tasks(account: aws.Account, cluster: str, family: str) -> Iterator[Task]:
    ecs = account.client("ecs")
    pages = ecs.get_paginator("list_tasks").paginate(
        cluster=cluster, family=family, desiredStatus="STOPPED"
    )
    for page in pages:
        if page["taskArns"]:  # DescribeTasks takes a page's hundred
            yield from ecs.describe_tasks(cluster=cluster, tasks=page["taskArns"])["tasks"]


def _failed(task: Task, since: datetime.datetime) -> bool:
    at = task.get("stoppedAt")
    orderly = str(task.get("stoppedReason", "")).startswith(_ORDERLY)
    return at is not None and at >= since and not orderly


def _reason(task: Task) -> str:
    ends = [
        f"container {container['name']}"
        + (f" ended with {container['exitCode']}" if "exitCode" in container else "")
        + (f": {container['reason']}" if container.get("reason") else "")
        for container in task.get("containers", [])
        if container.get("exitCode") or container.get("reason")
    ]
    told = str(task.get("stoppedReason") or task.get("stopCode") or "no reason is told").rstrip(".")
    return f"{told} ({', '.join(ends)})" if ends else told


def _sentence(account: aws.Account, tasks: list[Task]) -> str:
    count = "1 task" if len(tasks) == 1 else f"{len(tasks)} tasks"
    sentence = f"{count} stopped: {_reason(tasks[-1])}."
    words = _last_words(account, tasks[-1])
    return f"{sentence} Last lines of its log: {' | '.join(words)}" if words else sentence


def _last_words(account: aws.Account, task: Task) -> list[str]:
    """Return the last lines that the task's first container wrote to CloudWatch Logs, if it did."""
    definition = account.client("ecs").describe_task_definition(
        taskDefinition=task["taskDefinitionArn"]
    )["taskDefinition"]
    container = definition["containerDefinitions"][0]
    options = container.get("logConfiguration", {}).get("options", {})
    group, prefix = options.get("awslogs-group"), options.get("awslogs-stream-prefix")
    if not (group and prefix):
        return []
    stream = f"{prefix}/{container['name']}/{task['taskArn'].rpartition('/')[2]}"
    try:
        events = account.client("logs").get_log_events(
            logGroupName=group, logStreamName=stream, limit=_LINES, startFromHead=False
        )["events"]
    except aws.AwsError as error:
        if aws.code(error) == "ResourceNotFoundException":  # it never wrote, or the log is gone
            return []
        raise
    return [event["message"].strip() for event in events]
