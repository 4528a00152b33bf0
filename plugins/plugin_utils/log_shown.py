"""Lines of a service's log as they are printed, and what is said of them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from ansible_collections.quayside.fargate.plugins.plugin_utils.log_query import Query, clock_time
from ansible_collections.quayside.fargate.plugins.plugin_utils.service_log import (
    CONTAINER,
    MOST_PAGES,
    Line,
    Reading,
)
from ansible_collections.quayside.fargate.plugins.plugin_utils.terminal_text import harmless

_SHORT = 8  # characters of a task's id, as ECS's console tells tasks apart


def text(lines: Iterable[Line]) -> str:
    """Return lines for people: time in UTC, the task's short id, with a container that isn't the
    application's, and what it wrote."""
    return "\n".join(_row(line) for line in lines)


def json_lines(lines: Iterable[Line]) -> str:
    """Return lines for programs, each one JSON with all that it was.

    ASCII only: no control character of any kind reaches a terminal.
    """
    return "\n".join(json.dumps(document(line)) for line in lines)


def document(line: Line) -> dict[str, Any]:
    """Return a line as the action's result has it."""
    time = clock_time(line.at).replace(" ", "T") + "Z"
    return {
        "time": time,
        "task": line.task,
        "container": line.container,
        "message": line.text,
    }


def left_out(reading: Reading, query: Query) -> str:
    """Return what of the range a reading leaves out, "" if nothing."""
    first = reading.lines[0].at if reading.lines else None
    if reading.unread:
        back = f", back to {clock_time(first)} UTC" if first else " without finding a line"
        return (
            f"The log is long: {MOST_PAGES} pages of it were looked through{back}. Ask for less of "
            "it: -e since, -e until or -e task."
        )
    if reading.has_more and first:
        return (
            f"Lines from before {clock_time(first)} UTC are left out: these are the last "
            f"{query.tail}. For more, -e tail=N."
        )
    return ""


def nothing(service: str, query: Query, counts: tuple[int, int] | None) -> str:
    """Return what is said if there is no line.

    Args:
        service: PLATFORM/NAME.
        query: what was asked for.
        counts: tasks that run and that are wanted; None if ECS has no such service.
    """
    since = f"since {clock_time(query.since)} UTC"
    tasks = f"{counts[0]} of {counts[1]} tasks run" if counts else "ECS has no such service"
    what = "that fits the filter " if query.pattern else ""
    who = f"Task {query.task} of {service}" if query.task else service
    return f"{who} wrote no line {what}{since}; {tasks}. Further back: -e since=1d."


def _row(line: Line) -> str:
    other = "" if line.container == CONTAINER else f"/{harmless(line.container)}"
    head = f"{clock_time(line.at)}  {line.task[:_SHORT]}{other}  "
    # What would be a line of its own must not look like another task's.
    rows = harmless(line.text.rstrip("\n")).split("\n")
    return head + f"\n{' ' * len(head)}".join(rows)
