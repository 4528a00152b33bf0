"""What CloudFormation's events say: a line while they come, and the root cause of a failure.

Stack events (DescribeStackEvents) and operation events (DescribeEvents) have these members in
common; botocore's model requires none of them but ids and, of stack events, the time.

https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_StackEvent.html
https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_OperationEvent.html
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

Event = Mapping[str, Any]
_FAILED_HOOKS = ("HOOK_COMPLETE_FAILED", "HOOK_FAILED")


def is_of_stack(event: Event) -> bool:
    """Say whether an event is the stack's own, and not one of its resources'."""
    return bool(event.get("PhysicalResourceId") == event["StackId"])


def is_cause(event: Event) -> bool:
    """Say whether an event is a failure by itself, and not one that another brought about."""
    if _has_failed_hook(event):
        return True
    reason = event.get("ResourceStatusReason", "").lower()
    failed: bool = event.get("ResourceStatus", "").endswith("_FAILED")
    return failed and "cancelled" not in reason


def cause(event: Event) -> str:
    """Return what failed and why, as a sentence without full stop."""
    if _has_failed_hook(event):
        hook = event.get("HookType") or "a hook"
        return f"{resource(event)}: {hook}: {_reason(event.get('HookStatusReason'))}"
    path = event.get("ValidationPath")
    place = f" at {path}" if path else ""
    reason = event.get("ValidationStatusReason") or event.get("ResourceStatusReason")
    return f"{resource(event)}{place}: {_reason(reason)}"


def causes(events: Iterable[Event]) -> list[str]:
    """Return the root causes among the failed events of an operation, the first one first.

    Args:
        events: as DescribeEvents lists them; which way round isn't documented.
    """
    # The time is optional; without it, what AWS lists keeps its order.
    known = sorted(events, key=lambda event: str(event.get("Timestamp") or ""))
    failed = [event for event in known if _is_refused(event) or is_cause(event)]
    # The stack's own failure only sums up those of its resources, perhaps in the same second.
    of_resources = [event for event in failed if not is_of_stack(event)]
    found = [cause(event) for event in of_resources or failed]
    return list(dict.fromkeys(found))


def line(event: Event) -> str:
    """Return an event as a line."""
    told = ("ResourceStatus", "HookType", "HookStatus", "HookStatusReason", "ResourceStatusReason")
    return " ".join([resource(event), *(event[name] for name in told if event.get(name))])


def colour(event: Event) -> str | None:
    """Return the colour of its line."""
    status = event.get("ResourceStatus", "")
    if status.endswith("_FAILED") or "ROLLBACK" in status or _has_failed_hook(event):
        return "red"
    return "green" if status.endswith("_COMPLETE") else None


def resource(event: Event) -> str:
    """Return the name and the type of an event's resource."""
    name, kind = event.get("LogicalResourceId", "a resource"), event.get("ResourceType")
    return f"{name} ({kind})" if kind else str(name)


def _has_failed_hook(event: Event) -> bool:
    # A hook that only warns fails too, and stops nothing.
    failed = event.get("HookStatus") in _FAILED_HOOKS
    return failed and event.get("HookFailureMode", "FAIL") == "FAIL"


def _is_refused(event: Event) -> bool:
    refused = event.get("ValidationStatus") == "FAILED"
    return refused and event.get("ValidationFailureMode", "FAIL") == "FAIL"


def _reason(said: str | None) -> str:
    return (said or "no reason is given").rstrip(".")
