"""What became of a service: its stack's operations and its ECS deployments as one list.

No call is made here. The token of a stack's events tells what began an operation
(contract/stacks.py); which image it brought, the ECS deployment that was created meanwhile.

https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_StackEvent.html
https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ServiceDeploymentBrief.html
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.quayside.fargate.custom_resources.contract.stacks import (
    SHELL,
    began_by,
    is_busy,
)
from ansible_collections.quayside.fargate.plugins.plugin_utils import events
from ansible_collections.quayside.fargate.plugins.plugin_utils.terminal_text import harmless

# The status of the stack that begins an operation, and what the operation is without a token.
_BEGINS = {
    "CREATE_IN_PROGRESS": "creation",
    "UPDATE_IN_PROGRESS": "update",
    "DELETE_IN_PROGRESS": "deletion",
    "IMPORT_IN_PROGRESS": "import",
}
_FORCED = "service deployment"  # that no operation on the stack brought
SUCCEEDED, BACK, FAILED, STOPPED, UNDER_WAY = (
    "succeeded",
    "rolled back",
    "failed",
    "stopped",
    "under way",
)
# ServiceDeploymentBrief.status
_RESULTS = {
    "SUCCESSFUL": SUCCEEDED,
    "STOPPED": STOPPED,
    "ROLLBACK_SUCCESSFUL": BACK,
    "ROLLBACK_FAILED": FAILED,
}
Event = Mapping[str, Any]
Brief = Mapping[str, Any]


@dataclass
class Operation:
    """One operation on the stack, or one deployment that ECS was asked for without it.

    Attributes:
        kind: deployment, rollback, flip or repair; for others what CloudFormation calls it.
        begun: when.
        token: its ClientRequestToken, "" without one.
        ended: when; None while it goes on.
        result: one of the words above.
        why: what failed, "" if nothing did.
        deployment: the ECS deployment that it brought, as ListServiceDeployments tells it.
    """

    kind: str
    begun: datetime.datetime
    token: str = ""
    ended: datetime.datetime | None = None
    result: str = UNDER_WAY
    why: str = ""
    deployment: Brief = field(default_factory=dict)

    @property
    def seconds(self) -> float | None:
        """How long it took; None while it goes on."""
        return round((self.ended - self.begun).total_seconds(), 1) if self.ended else None

    @property
    def service_revision(self) -> str:
        """ARN of the service revision that it brought, "" without one."""
        return str(self.deployment.get("targetServiceRevisionArn", ""))


def begins(event: Event) -> bool:
    """Say whether an event of a stack is the first of an operation."""
    return events.is_of_stack(event) and event.get("ResourceStatus") in _BEGINS


def operations(listed: Iterable[Event]) -> list[Operation]:
    """Return a stack's operations, the newest first.

    Args:
        listed: its events, the newest first; of the oldest operation perhaps not all.
    """
    found: list[Operation] = []
    for event in reversed(list(listed)):
        if begins(event):
            token = str(event.get("ClientRequestToken", ""))
            kind = began_by(token) or _BEGINS[str(event.get("ResourceStatus"))]
            found.append(Operation(kind, event["Timestamp"], token))
        elif found:
            _go_on(found[-1], event)
    return found[::-1]


def _go_on(operation: Operation, event: Event) -> None:
    status = str(event.get("ResourceStatus", ""))
    if not events.is_of_stack(event):
        if not operation.why and events.is_cause(event):
            operation.why = events.cause(event)
    elif is_busy(status):  # a rollback, a clean-up: it goes on
        operation.ended, operation.result = None, UNDER_WAY
    elif status != SHELL:
        operation.ended, operation.result = event["Timestamp"], _result(status)
        if operation.result == SUCCEEDED:
            operation.why = ""
        elif not operation.why:
            operation.why = str(event.get("ResourceStatusReason") or "no event tells why")


def _result(status: str) -> str:
    if status.endswith("_FAILED"):
        return FAILED
    return BACK if "ROLLBACK" in status else SUCCEEDED


def joined(made: Sequence[Operation], deployments: Iterable[Brief]) -> list[Operation]:
    """Give operations their ECS deployments, and return them with those that had no operation.

    Args:
        made: a stack's operations.
        deployments: of its service (ListServiceDeployments).

    Returns: the newest first; no deployment is older than the oldest operation.
    """
    oldest = min((it.begun for it in made), default=None)
    forced = []
    # The first one of an operation is what it brought; a later one takes that back.
    dated = [(moment, it) for it in deployments if (moment := it.get("createdAt"))]
    for created, brief in sorted(dated, key=lambda it: it[0]):
        owner = next((it for it in made if _brought(it, created)), None)
        if owner is None and oldest is not None and created < oldest:
            continue
        if owner is None:
            forced.append(_forced(created, brief))
        elif not owner.deployment:
            owner.deployment = brief
    return sorted([*made, *forced], key=lambda it: it.begun, reverse=True)


def _brought(operation: Operation, moment: datetime.datetime) -> bool:
    # Both tell milliseconds. What somebody asked of ECS just before an operation isn't its own.
    return operation.begun <= moment and (operation.ended is None or moment <= operation.ended)


def _forced(begun: datetime.datetime, brief: Brief) -> Operation:
    result = _RESULTS.get(brief.get("status", ""), UNDER_WAY)
    why = "" if result in (SUCCEEDED, UNDER_WAY) else str(brief.get("statusReason", ""))
    ended = brief.get("finishedAt")
    return Operation(_FORCED, begun, "", ended, result, why, brief)


def names_by_token(told: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Return who began operations, by their tokens.

    Args:
        told: events of CloudTrail (LookupEvents); each has the call as JSON.
    """
    return {
        token: str(event["Username"])
        for event in told
        if event.get("Username") and (token := _token(event.get("CloudTrailEvent", "")))
    }


def _token(text: str) -> str:
    try:
        asked = json.loads(text).get("requestParameters") or {}
    except (ValueError, AttributeError):
        return ""
    lower = {str(name).lower(): value for name, value in asked.items()}
    return str(lower.get("clientrequesttoken") or "")


@dataclass(frozen=True)
class Image:
    """An image of a revision: its reference, and what ECR says it is tagged."""

    reference: str
    digest: str = ""
    tags: Sequence[str] = ()


def entry(
    operation: Operation, revision: str | None, image: Image | None, who: str | None
) -> dict[str, Any]:
    """Return what is told of an operation.

    Args:
        operation: it.
        revision: of the task definition that it brought, None if it brought none.
        image: of that revision, None if nobody knows it.
        who: began it, None if that isn't known.
    """
    return {
        "begun": operation.begun.astimezone(datetime.UTC).isoformat(timespec="seconds"),
        "kind": operation.kind,
        "result": operation.result,
        "seconds": operation.seconds,
        "revision": revision,
        "image": image.reference if image else None,
        "tags": list(image.tags) if image else [],
        "digest": (image.digest or None) if image else None,
        "who": who,
        "why": operation.why or None,
    }


_HEAD = ("begun (UTC)", "what", "result", "seconds", "revision", "image", "who")


def table(told: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return entries as lines; the columns of what nobody knows are left out.

    Reasons and names are others' text: a terminal obeys none of it, and each stays on its line.
    """
    rows = [_HEAD, *(tuple(map(_shown, _cells(it))) for it in told)]
    columns = [it for it in zip(*rows, strict=True) if any(cell != "-" for cell in it[1:])]
    widths = [max(map(len, column)) for column in columns]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in zip(*columns, strict=True)
    ]
    whys = [
        f"{_moment(it)} {it['kind']} {it['result']}: {_shown(it['why'])}"
        for it in told
        if it["why"]
    ]
    return [*lines, *whys]


def _shown(text: str) -> str:
    return str(harmless(text)).replace("\n", " ")


def _cells(told: Mapping[str, Any]) -> tuple[str, ...]:
    seconds = told["seconds"]
    return (
        _moment(told),
        told["kind"],
        told["result"],
        "-" if seconds is None else f"{seconds:.0f}",
        told["revision"] or "-",
        _short(told),
        told["who"] or "-",
    )


def _moment(told: Mapping[str, Any]) -> str:
    return str(told["begun"])[:19].replace("T", " ")


def _short(told: Mapping[str, Any]) -> str:
    """Return an image as a table has it: repository, tags, and the digest's first digits."""
    if not told["image"]:
        return "-"
    name = str(told["image"]).partition("@")[0].rpartition("/")[2]
    tags = f":{','.join(told['tags'])}" if told["tags"] and ":" not in name else ""
    digest = f" {told['digest'][:19]}" if told["digest"] else ""
    return f"{name}{tags}{digest}"


def newest(entries: Iterator[Event] | Iterable[Event], count: int) -> list[Event]:
    """Return events, the newest first, as far as so many operations go back.

    Args:
        entries: a stack's events, the newest first; no more is asked for than needed.
        count: of operations.
    """
    taken, begun = [], 0
    for event in entries:
        taken.append(event)
        begun += begins(event)
        if begun == count:
            break
    return taken
