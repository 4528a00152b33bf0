"""The log of a service: lines of all its tasks, those that stopped too, in order of time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from ansible_collections.quayside.fargate.custom_resources.contract.names import Service
from ansible_collections.quayside.fargate.plugins.plugin_utils import aws, services
from ansible_collections.quayside.fargate.plugins.plugin_utils.errors import StackError
from ansible_collections.quayside.fargate.plugins.plugin_utils.log_query import Query
from ansible_collections.quayside.fargate.plugins.plugin_utils.stack import describe, outputs

# Of one answer that AWS looked through, up to 1 MB or 10,000 lines each (FilterLogEvents).
MOST_PAGES = 50
# Of a stream's name, PREFIX/CONTAINER/TASK: awslogs-stream-prefix, and the container (service.yml).
_PREFIX, CONTAINER = "app", "app"
_KNOWN_TASKS = 5  # that a refusal names
_NEWEST = 50  # streams of one DescribeLogStreams, by which other containers' names are known
_LATE = 30_000  # milliseconds by which a line may come later than one that is newer


@dataclass(frozen=True)
class Line:
    """A line that a task wrote.

    Attributes:
        at: when, in milliseconds since 1970.
        task: the task's id.
        container: its name in the task definition, `app` of what service.yml makes.
        text: as it was written.
        key: tells it from any other.
    """

    at: int
    task: str
    container: str
    text: str
    key: str


@dataclass(frozen=True)
class Reading:
    """Lines in order of time, and what of the range they leave out.

    Attributes:
        lines: the newest that were asked for.
        has_more: whether there are older ones.
        unread: whether AWS had more to look through, and wasn't asked any further.
    """

    lines: list[Line]
    has_more: bool = False
    unread: bool = False


class ServiceLog:
    """Reads the log of one service.

    Args:
        client: botocore's client for CloudWatch Logs.
        group: name of the log group.
    """

    def __init__(self, client: Any, group: str) -> None:
        self._client = client
        self._group = group

    def of_task(self, query: Query) -> Query:
        """Return the query with the whole id of its task.

        Raises: StackError if no task of the log's is called so, or several are.
        """
        if not query.task:
            return query
        newest = self._streams(orderBy="LastEventTime", descending=True, limit=_NEWEST)
        containers = sorted({CONTAINER, *map(_container, newest)})
        streams = [
            stream
            for container in containers
            for stream in self._streams(
                logStreamNamePrefix=f"{_PREFIX}/{container}/{query.task}", limit=2
            )
        ]
        found = sorted({*map(_task, streams)})
        if len(found) == 1:
            return replace(query, task=found[0], streams=tuple(streams))
        if found:
            raise StackError(
                f"More than one task of {self._group} begins with {query.task}: "
                f"{', '.join(found)}. Give the whole id."
            )
        known = list(dict.fromkeys(map(_task, newest)))[:_KNOWN_TASKS]
        raise StackError(
            f"No task {query.task} is in the log {self._group}: it never started a container, or "
            f"its log is gone. The last ones that wrote: {', '.join(known) or 'none'}."
        )

    def newest(self, query: Query) -> Reading:
        """Read the last lines of what is asked for.

        Raises: StackError if AWS refuses to tell.
        """
        backwards = self._takes("startFromHead")
        wanted = query.tail + 1  # one more tells that there are more
        found: list[Line] = []
        pages = self._pages(query, **{"startFromHead": False} if backwards else {})
        unread = False
        for number, page in enumerate(pages, 1):
            found += page.lines
            if backwards and len(found) >= wanted:
                break
            if number == MOST_PAGES and page.goes_on:
                unread = True
                break
        if backwards:
            found.reverse()  # lines of the same millisecond stay in order
        found.sort(key=lambda line: line.at)
        return Reading(found[-query.tail :], has_more=len(found) > query.tail, unread=unread)

    def after(self, query: Query, seen: Iterable[Line]) -> Reading:
        """Read what was written since.

        Args:
            query: whose since is that of the first reading.
            seen: lines that were told.

        Raises: StackError if AWS refuses to tell.
        """
        told = {line.key for line in seen}
        newest = max((line.at for line in seen), default=query.since)
        start = max(query.since, newest - _LATE)
        fresh: list[Line] = []
        unread = False
        for number, page in enumerate(self._pages(replace(query, since=start)), 1):
            fresh += [line for line in page.lines if line.key not in told]
            if number == MOST_PAGES:
                unread = page.goes_on
                break
        return Reading(sorted(fresh, key=lambda line: line.at), unread=unread)

    def _takes(self, member: str) -> bool:
        return bool(aws.known(self._client, "filter_log_events", {member: True}))

    def _pages(self, query: Query, **more: Any) -> Iterator[_Page]:
        """Yield the pages of what is asked for.

        Raises: StackError if AWS refuses to tell.
        """
        request: dict[str, Any] = {"logGroupName": self._group, "startTime": query.since, **more}
        if query.until is not None:
            request["endTime"] = query.until
        if query.pattern:
            request["filterPattern"] = query.pattern
        if query.streams:
            request["logStreamNames"] = list(query.streams)
        pages = self._client.get_paginator("filter_log_events").paginate(**request)
        try:
            for page in pages:
                yield _Page([_line(event) for event in page["events"]], goes_on="nextToken" in page)
        except aws.AwsError as error:
            raise self._refusal(error) from error

    def _streams(self, **which: Any) -> list[str]:
        """Return names of the log's streams (DescribeLogStreams)."""
        try:
            found = self._client.describe_log_streams(logGroupName=self._group, **which)
        except aws.AwsError as error:
            raise self._refusal(error) from error
        return [str(it.get("logStreamName", "")) for it in found.get("logStreams", ())]

    def _refusal(self, error: Exception) -> StackError:
        code, said = aws.code(error), aws.message(error).rstrip(".")
        if code == "ResourceNotFoundException":
            return StackError(
                f"There is no log group {self._group}: somebody deleted it, and no deployment "
                f"makes it again. aws logs create-log-group --log-group-name {self._group} "
                "--kms-key-id KEY does, with the stack's output KeyArn (docs/logs.md, A deleted "
                "log group)."
            )
        if code in aws.DENIED:
            return StackError(
                f"Reading the log {self._group} was refused: {said}. Who reads logs needs "
                "docs/permissions/read.json, for this service."
            )
        if code == "InvalidParameterException":
            return StackError(f"The log {self._group} can't be asked so: {said}. Mend filter.")
        return StackError(aws.explain(error, f"Reading the log {self._group}"))


@dataclass(frozen=True)
class _Page:
    lines: list[Line]
    goes_on: bool


def _line(event: dict[str, Any]) -> Line:
    stream = str(event.get("logStreamName", ""))
    return Line(
        at=int(event["timestamp"]),
        task=_task(stream),
        container=_container(stream),
        text=str(event["message"]),
        key=str(event.get("eventId") or f"{stream} {event['timestamp']} {event['message']}"),
    )


def _task(stream: str) -> str:
    return stream.rpartition("/")[2]


def _container(stream: str) -> str:
    return stream.rpartition("/")[0].rpartition("/")[2]


def recent(lines: list[Line]) -> list[Line]:
    """Return those lines that the next answer may have again."""
    newest = max((line.at for line in lines), default=0)
    return [line for line in lines if line.at >= newest - _LATE]


def group_of(account: aws.Account, service: Service) -> str:
    """Return the name of a service's log group, an output of its stack.

    Raises: StackError if there is no such platform or service, or it never stood.
    """
    client = account.client("cloudformation")
    states = services.stack_states(client)
    services.refuse_unknown_platform(states, service.platform, account.region)
    description = describe(client, service.stack)
    if description is None:
        raise services.missing(service.stack)
    group = outputs(description).get("LogGroupName")
    if not group:
        raise StackError(
            f"The service {service} has no log: its stack is {description['StackStatus']}. "
            "playbooks/status.yml says why."
        )
    return str(group)
