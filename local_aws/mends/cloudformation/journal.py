"""Operations of stacks: their ids and types, with each event, and DescribeEvents.

Wrong upstream: events belong to no operation, DescribeStacks tells none, and DescribeEvents knows
neither a stack's events nor a change set's. An event without a physical id has an empty one.
Source: CloudFormation API reference and botocore's model, DescribeEvents, OperationEvent,
Stack.LastOperations, StackEvent; aws-cloudformation/cloudformation-cli issue 1116 for a change set
that is named without its stack.
Last needed: ministack 1.5.33.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from ministack.core.responses import new_uuid
from ministack.services.cloudformation import (
    _stack_events,
    _stacks,
    changesets,
    handlers,
    helpers,
    stacks,
)

from local_aws.mending import Layer, Mending

Event = dict[str, Any]

_EVENT_ID = re.compile("<EventId>(.*?)</EventId>")
_operation_of: dict[str, str] = {}  # the element of each event's operation, by the event's id
_STACK = "AWS::CloudFormation::Stack"
# The status of the stack that begins an operation, and the operation's type.
_BEGINS = {
    "CREATE_IN_PROGRESS": "CREATE_STACK",
    "UPDATE_IN_PROGRESS": "UPDATE_STACK",
    "DELETE_IN_PROGRESS": "DELETE_STACK",
    "ROLLBACK_IN_PROGRESS": "ROLLBACK",
    "UPDATE_ROLLBACK_IN_PROGRESS": "ROLLBACK",
}
_FIELDS = (
    *("EventId", "StackId", "OperationId", "OperationType", "OperationStatus", "EventType"),
    *("LogicalResourceId", "PhysicalResourceId", "ResourceType", "Timestamp", "ResourceStatus"),
    *("ResourceStatusReason", "ClientRequestToken", "DetailedStatus", "ValidationFailureMode"),
    *("ValidationName", "ValidationStatus", "ValidationStatusReason", "ValidationPath"),
)


def install(mending: Mending) -> None:
    """Install the mends of this room."""
    mending.around(stacks, "_add_event", _add_event)
    mending.put(handlers, "_ACTION_HANDLERS", _describe_events, key="DescribeEvents")
    mending.around(handlers, "_ACTION_HANDLERS", _describe_stack_events, key="DescribeStackEvents")
    mending.around(
        handlers, "_ACTION_HANDLERS", _describe_stacks, key="DescribeStacks", layer=Layer.HISTORY
    )


def _add_event(upstream: Any, stack_id: str, *rest: Any, **options: Any) -> None:
    upstream(stack_id, *rest, **options)
    _note(_stack_events[stack_id][-1])


def _describe_stack_events(upstream: Any, parameters: dict[str, Any]) -> Any:
    return _changed(upstream(parameters), _with_operations)


def _describe_stacks(upstream: Any, parameters: dict[str, Any]) -> Any:
    return _changed(upstream(parameters), _with_last_operations)


def _note(event: Event) -> None:
    """Give an event the operation it belongs to; a stack's own may begin one."""
    stack = _stacks.get(event["StackName"]) or {}
    operations = stack.setdefault("_operations", [])
    kind = _BEGINS.get(event["ResourceStatus"])
    if (
        kind
        and event["ResourceType"] == _STACK
        and event["LogicalResourceId"] == stack["StackName"]
    ):
        if kind == "ROLLBACK" and operations[-1:] and operations[-1]["Type"] == "ROLLBACK":
            kind = "CONTINUE_ROLLBACK"
        if kind not in ("ROLLBACK", "CONTINUE_ROLLBACK"):
            operations.clear()
        operations.append({"Id": new_uuid(), "Type": kind})
    if operations:
        event["OperationId"] = operations[-1]["Id"]
        event["OperationType"] = operations[-1]["Type"]
        _operation_of[event["EventId"]] = f"<OperationId>{event['OperationId']}</OperationId>"


def _describe_events(parameters: dict[str, Any]) -> Any:
    stack_name, name, operation = (
        helpers._p(parameters, key) for key in ("StackName", "ChangeSetName", "OperationId")
    )
    stack = handlers._resolve_stack(stack_name) if stack_name else None
    if stack_name and not stack:
        return helpers._error("ValidationError", f"Stack [{stack_name}] does not exist")
    if not (stack or operation or name.startswith("arn:")):
        return helpers._error(
            "ValidationError", "One of ChangeSetName, OperationId or StackName must be specified"
        )
    if name:
        _, change_set = changesets._find_change_set(name, (stack or {}).get("StackName", ""))
        if change_set is None:
            return helpers._error("ChangeSetNotFound", f"ChangeSet [{name}] does not exist", 404)
        events = change_set.get("_operation_events", [])
    else:
        chosen = [stack] if stack else list(_stacks.values())
        events = [event for each in chosen for event in _events(each)]
    if operation:
        events = [event for event in events if event.get("OperationId") == operation]
    if helpers._p(parameters, "Filters.FailedEvents").lower() == "true":
        events = [event for event in events if _is_failed(event)]
    events, token, refusal = helpers._page(events, parameters, "DescribeEvents")
    return refusal or helpers._xml(
        200,
        "DescribeEventsResponse",
        f"<DescribeEventsResult><OperationEvents>{''.join(map(_member, events))}"
        f"</OperationEvents>{token}</DescribeEventsResult>",
    )


def _events(stack: dict[str, Any]) -> list[Event]:
    """Return a stack's events, the newest first, as operations' events."""
    told = [_operation_event(event) for event in _stack_events.get(stack["StackId"], [])]
    return [*reversed(told), *stack.get("_operation_events", [])]


def _operation_event(event: Event) -> Event:
    failed = "FAILED" in event["ResourceStatus"]
    return event | {"EventType": "PROVISIONING_ERROR" if failed else "STACK_EVENT"}


def _is_failed(event: Event) -> bool:
    return event.get("OperationStatus") == "FAILED" or event["EventType"].endswith("_ERROR")


def _member(event: Event) -> str:
    fields = "".join(
        f"<{field}>{helpers._esc(str(event[field]))}</{field}>"
        for field in _FIELDS
        if event.get(field)
    )
    return f"<member>{fields}</member>"


def _changed(answer: Any, change: Callable[[str], str]) -> Any:
    status, headers, body = answer
    text = change(body.decode() if isinstance(body, bytes) else body)
    return status, headers, text.encode() if isinstance(body, bytes) else text


def _with_operations(text: str) -> str:
    told = _EVENT_ID.sub(lambda found: found[0] + _operation_of.get(found[1], ""), text)
    return told.replace("<PhysicalResourceId></PhysicalResourceId>", "")


def _with_last_operations(text: str) -> str:
    for stack in _stacks.values():
        identity = f"<StackId>{stack['StackId']}</StackId>"
        members = "".join(
            f"<member><OperationType>{each['Type']}</OperationType>"
            f"<OperationId>{each['Id']}</OperationId></member>"
            for each in reversed(stack.get("_operations", []))
        )
        told = f"{identity}<LastOperations>{members}</LastOperations>"
        text = text.replace(identity, told) if members else text
    return text
