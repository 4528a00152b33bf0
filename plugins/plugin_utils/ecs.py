"""Tasks of Amazon ECS that stopped: why, and what they last wrote."""

from __future__ import annotations

import contextlib
import datetime
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from typing import Any

from ansible_collections.quayside.fargate.plugins.plugin_utils import (
    aws,
    deployment_alarms,
    events,
    log_lines,
)
from ansible_collections.quayside.fargate.plugins.plugin_utils.errors import StackError

# Replaced or scaled in: nothing to explain.
# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/stopped-task-error-codes.html
_ORDERLY = "Scaling activity initiated by"
_LINES = 5
_REASONS = 3  # the newest ones say enough
_SERVICE = "AWS::ECS::Service"
# A service that is being deleted while it is asked for.
_GONE = ("ServiceNotFoundException", "ServiceNotActiveException")

Task = Mapping[str, Any]


@dataclass(frozen=True)
class Stop:
    """Tasks that stopped for the same reason.

    Attributes:
        count: how many.
        reason: without full stop.
        words: the last lines that one of them wrote.
    """

    count: int
    reason: str
    words: list[str]

    @property
    def sentence(self) -> str:
        """All of it on one line."""
        said = f"{self.summary}."
        return f"{said} Last lines of its log: {' | '.join(self.words)}" if self.words else said

    @property
    def lines(self) -> list[str]:
        """All of it, with the log's lines on lines of their own."""
        if not self.words:
            return [f"{self.summary}."]
        return [
            f"{self.summary}. Last lines of its log:",
            *(f"    {line}" for line in self.words),
        ]

    @property
    def summary(self) -> str:
        """How many, and why."""
        count = "1 task" if self.count == 1 else f"{self.count} tasks"
        return f"{count} stopped: {self.reason}"


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
        reader = _Reader(account)
        arns = list(reader.stopped(cluster, family=family))
        return [stop.sentence for stop in reader.stops(cluster, arns, since)]
    except aws.AwsError as error:
        doing = f"Looking for stopped tasks of {family}"
        raise StackError(aws.explain(error, doing)) from error


class Witness:
    """Asks why tasks of the services that an operation on a stack waits for stopped.

    The rollback of a creation takes the tasks' log group with it. So they are asked for while the
    service is waited for, and once more when it has failed.

    Args:
        account: makes the clients; None: nobody is asked.
    """

    def __init__(self, account: aws.Account | None) -> None:
        self._account = account
        self._reader = _Reader(account) if account else None
        self._alarms: list[str] = []
        self._awaited: dict[str, _Service] = {}  # by logical id
        self._stops: dict[str, list[Stop]] = {}
        self._unknown = ""

    def event(self, event: events.Event) -> None:
        """Take an event of the operation."""
        status, name = event.get("ResourceStatus", ""), event.get("LogicalResourceId", "")
        if "ROLLBACK" in status and events.is_of_stack(event):
            self._reader = None  # what stops from now on explains nothing
        if self._reader is None or event.get("ResourceType") != _SERVICE:
            return
        if status in ("CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS"):
            _arn, *place = event.get("PhysicalResourceId", "").split("/")
            with contextlib.suppress(ValueError):  # not made yet
                cluster, service = place
                self._awaited[name] = _Service(cluster, service, event["Timestamp"])
        elif events.is_cause(event) and name in self._awaited:
            self._read(name, again=True)
            self._ask_for_alarms(self._awaited[name])
            self._awaited.clear()
        else:
            self._awaited.pop(name, None)
            self._stops.pop(name, None)

    def look(self) -> None:
        """Ask, if a service is waited for."""
        for name in self._awaited:
            self._read(name)

    def summary(self) -> str:
        """Return how many tasks stopped last, and why; "" if none did."""
        return next((stop.summary for stops in self._stops.values() for stop in stops), "")

    def alarms(self) -> list[str]:
        """Return a sentence for each alarm that took the deployment back."""
        return self._alarms

    def words(self) -> Iterator[str]:
        """Yield what is known of alarms that rang and of tasks that stopped, line by line."""
        yield from self._alarms
        for stops in self._stops.values():
            for stop in stops[:_REASONS]:
                yield from stop.lines
        if self._unknown:
            yield self._unknown

    def _ask_for_alarms(self, service: _Service) -> None:
        if self._account is None:
            return
        try:
            self._alarms = list(
                deployment_alarms.rung(self._account, service.cluster, service.name, service.since)
            )
        except aws.AwsError as error:
            if not aws.is_passing(error) and aws.code(error) not in _GONE:
                doing = f"Looking for alarms that rang in the deployment of {service.name}"
                self._unknown = f"Whether an alarm rang isn't known: {aws.explain(error, doing)}"

    def _read(self, name: str, *, again: bool = False) -> None:
        service = self._awaited[name]
        if self._reader is None:
            return
        try:
            arns = list(self._reader.stopped(service.cluster, serviceName=service.name))
            # A task's lines come to its log a moment after its end (awslogs sends them in batches):
            # until there are some, each look asks again, since the rollback takes the log away.
            told = any(stop.words for stop in self._stops.get(name, []))
            if service.seen != len(arns) or (arns and not told) or again:
                service.seen = len(arns)
                stops = self._reader.stops(service.cluster, arns, service.since)
                if any(stop.words for stop in stops) or not self._stops.get(name):
                    self._stops[name] = stops
        except aws.AwsError as error:
            if not aws.is_passing(error) and aws.code(error) not in _GONE:
                doing = f"Looking for stopped tasks of {service.name}"
                self._unknown = f"Why tasks stopped isn't known: {aws.explain(error, doing)}"
                self._reader = None


@dataclass
class _Service:
    """A service that is waited for, and how many stopped tasks were seen."""

    cluster: str
    name: str
    since: datetime.datetime
    seen: int = 0


class _Reader:
    """Reads tasks and their logs."""

    def __init__(self, account: aws.Account) -> None:
        self._account = account

    @cached_property
    def _ecs(self) -> Any:
        return self._account.client("ecs")

    def stopped(self, cluster: str, **which: str) -> Iterator[str]:
        """Yield the ARNs of stopped tasks."""
        pages = self._ecs.get_paginator("list_tasks").paginate(
            cluster=cluster, desiredStatus="STOPPED", **which
        )
        for page in pages:
            yield from page["taskArns"]

    def stops(self, cluster: str, arns: list[str], since: datetime.datetime) -> list[Stop]:
        """Return why tasks failed since a moment, the newest reason first."""
        tasks = [task for task in self._tasks(cluster, arns) if _failed(task, since)]
        tasks.sort(key=lambda task: (_reason(task), task["stoppedAt"]))
        groups = [list(group) for _key, group in groupby(tasks, key=_reason)]
        groups.sort(key=lambda group: group[-1]["stoppedAt"], reverse=True)
        return [Stop(len(them), _reason(them[-1]), self._last_words(them[-1])) for them in groups]

    def _tasks(self, cluster: str, arns: list[str]) -> Iterator[Task]:
        for start in range(0, len(arns), 100):  # DescribeTasks takes a hundred
            some = arns[start : start + 100]
            yield from self._ecs.describe_tasks(cluster=cluster, tasks=some)["tasks"]

    def _last_words(self, task: Task) -> list[str]:
        """Return the last lines that the first container wrote to CloudWatch Logs, if it did."""
        try:
            arn = task["taskDefinitionArn"]
            definition = self._ecs.describe_task_definition(taskDefinition=arn)
        except aws.AwsError as error:
            # The end of a failed update deregisters its revision, and ECS tells it no more.
            if aws.code(error) == "ClientException":
                return []
            raise
        container = definition["taskDefinition"]["containerDefinitions"][0]
        options = container.get("logConfiguration", {}).get("options", {})
        group, prefix = options.get("awslogs-group"), options.get("awslogs-stream-prefix")
        if not (group and prefix):
            return []
        stream = f"{prefix}/{container['name']}/{task['taskArn'].rpartition('/')[2]}"
        try:
            found = self._account.client("logs").get_log_events(
                logGroupName=group, logStreamName=stream, limit=_LINES, startFromHead=False
            )
        except aws.AwsError as error:
            if aws.code(error) == "ResourceNotFoundException":  # it never wrote, or the log is gone
                return []
            raise
        lines = [event["message"].strip() for event in found["events"]]
        return list(log_lines.without_secrets(lines))


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
