"""Which lines of a service's log are wanted; no call is made here."""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.quayside.fargate.plugins.plugin_utils import log_pattern
from ansible_collections.quayside.fargate.plugins.plugin_utils.errors import StackError

MOST_LINES = 10_000  # of one answer of FilterLogEvents (botocore's model)
_LONGEST_FOLLOWED = 86_400  # seconds; longer than credentials live
# FilterLogEvents gives the newest first only from here on (botocore's model, startFromHead).
_EARLIEST = datetime.datetime(2024, 1, 1, tzinfo=datetime.UTC)
_AGO = re.compile(r"(\d{1,6})([smhd])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_TASK = re.compile(r"[0-9a-f-]{6,36}")  # old ids, and those of the local AWS, have hyphens
_FORMS = "a time ago such as 10m, 2h or 3d, or a time such as 2026-11-29T04:30:00Z"


@dataclass(frozen=True)
class Query:
    """What is asked for.

    Attributes:
        since: the first moment, in milliseconds since 1970.
        until: the last one; None for now.
        tail: how many of the last lines.
        pattern: of CloudWatch Logs, "" for every line.
        task: how the task's id begins, "" for all tasks.
        streams: of the task, one a container that wrote; none before the log was asked.
    """

    since: int
    until: int | None
    tail: int
    pattern: str
    task: str
    streams: tuple[str, ...] = ()


def of(options: Mapping[str, Any], now: datetime.datetime) -> Query:
    """Return what the action's options ask for.

    Args:
        options: since, end (the playbook's until), tail, filter, task, follow, follow_seconds.
        now: the time, of UTC.

    Raises: StackError for what can't be.
    """
    tail = options["tail"]
    if not 1 <= tail <= MOST_LINES:
        raise StackError(f"tail is {tail}. Ask for 1 to {MOST_LINES} lines: -e tail=200.")
    seconds = options["follow_seconds"]
    if not 1 <= seconds <= _LONGEST_FOLLOWED:
        raise StackError(f"follow_seconds is {seconds}. Follow for 1 to {_LONGEST_FOLLOWED} s.")
    if options["follow"] and options["end"]:
        raise StackError("follow goes on from now, and until ends before. Give one of the two.")
    log_pattern.refuse_malformed(options["filter"])
    since = moment("since", options["since"], now)
    until = moment("until", options["end"], now) if options["end"] else None
    if since < _EARLIEST:
        raise StackError(
            f"since is {options['since']}. CloudWatch Logs gives the newest lines first from "
            f"{_EARLIEST:%Y-%m-%d} on: give a later time."
        )
    if since >= (until or now):
        end = f"until, {options['end']}" if until else "now"
        raise StackError(
            f"since is {options['since']}, which isn't before {end}. Mend one of them."
        )
    last = milliseconds(until) if until else None
    return Query(milliseconds(since), last, tail, options["filter"].strip(), task(options["task"]))


def moment(name: str, text: str, now: datetime.datetime) -> datetime.datetime:
    """Return the moment that a text says: so long ago, or in ISO 8601, of UTC without an offset.

    Args:
        name: of the variable.
        text: its value.
        now: the time.

    Raises: StackError if it says none.
    """
    ago = _AGO.fullmatch(text.strip())
    try:
        if ago:
            return now - datetime.timedelta(seconds=int(ago[1]) * _SECONDS[ago[2]])
        said = datetime.datetime.fromisoformat(text.strip())
    except (ValueError, OverflowError):
        raise StackError(f"{name} is {text}, which says no time. Give {_FORMS}.") from None
    return said if said.tzinfo else said.replace(tzinfo=datetime.UTC)


def milliseconds(at: datetime.datetime) -> int:
    """Return a moment as CloudWatch Logs counts: milliseconds since 1970."""
    return int(at.timestamp() * 1000)


def clock_time(at: int) -> str:
    """Return a moment of CloudWatch Logs in UTC, as people read it."""
    moment = datetime.datetime.fromtimestamp(at / 1000, datetime.UTC)
    return moment.isoformat(" ", "milliseconds").removesuffix("+00:00")


def task(text: str) -> str:
    """Return how a task's id begins; its ARN is taken too, and "" for any.

    Raises: StackError if it is none.
    """
    name = text.strip().rpartition("/")[2].lower()
    if name and not _TASK.fullmatch(name):
        raise StackError(
            f"task is {text}. Give a task's id, or its first 6 characters or more: the lines of "
            "logs.yml show 8."
        )
    return name
