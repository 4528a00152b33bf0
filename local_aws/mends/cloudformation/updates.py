"""The events of an update, and the phase that comes after it.

Wrong upstream: each resource of the template has events, changed or not; a new one is "updated";
what an update replaced or removed goes without a word, and before the update is complete. On AWS
the stack is UPDATE_COMPLETE_CLEANUP_IN_PROGRESS meanwhile, after a rollback
UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS: states in which it is busy; here they are short.
Source: CloudFormation user guide, "Stack status codes"; answers recorded on AWS in LocalStack's
public tests (each of 70 updates).
Last needed: ministack 1.5.33.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from ministack.core.responses import now_iso
from ministack.services.cloudformation import _stack_events, _stacks, stacks

from local_aws.mending import Layer, Mending

_CLEANUP = "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"
_ENDS = ("UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE")
_PAUSE = 0.2  # seconds that the phase lasts at least
_OPTIONAL = ("reason", "physical_id", "detailed_status")  # members of an event
_Resource = tuple[str, str]  # stack, logical id

_held: dict[_Resource, Callable[..., None]] = {}  # the first event, until the handler is called
_unchanged: set[_Resource] = set()
_created: set[_Resource] = set()


def install(mending: Mending) -> None:
    """Install the mends of this room."""
    mending.around(stacks, "_add_event", _sift, layer=Layer.HISTORY)
    mending.around(stacks, "_provision_resource", _create_resource, layer=Layer.HISTORY)
    mending.around(stacks, "_update_resource", _update_resource, layer=Layer.HISTORY)
    mending.around(stacks, "_delete_resource", _delete_resource, layer=Layer.HISTORY)
    mending.around(stacks, "_resolve_stack_outputs", _resolve_and_begin, layer=Layer.HISTORY)
    mending.around(stacks, "_deploy_stack_async", _deploy_and_clean_up)


def _sift(  # noqa: PLR0917 - as upstream
    upstream: Any,
    stack_id: str,
    name: str,
    resource: str,
    kind: str,
    status: str,
    *rest: Any,
    **more: Any,
) -> None:
    key = name, resource

    def tell(said: str = status) -> None:
        told = dict(zip(_OPTIONAL, rest, strict=False)) | more
        told["physical_id"] = told.get("physical_id") or _physical_id(key)
        upstream(stack_id, name, resource, kind, said, **told)

    updates = _stacks.get(name, {}).get("StackStatus") == "UPDATE_IN_PROGRESS"
    if status == "UPDATE_IN_PROGRESS" and updates and resource != name and not (rest or more):
        _held[key] = tell
    elif status == "UPDATE_COMPLETE" and key in _unchanged:
        _unchanged.discard(key)
    elif key in _created and status in ("UPDATE_COMPLETE", "UPDATE_FAILED"):
        _created.discard(key)
        said = status.replace("UPDATE", "CREATE")
        if status == "UPDATE_COMPLETE":
            _stacks[name]["_resources"][resource]["ResourceStatus"] = said
        tell(said)
    else:
        _tell_held(key)
        tell()


def _physical_id(key: _Resource) -> str:
    # Wrong upstream: the events of an update don't have it until it is complete.
    name, resource = key
    made = _stacks.get(name, {}).get("_resources", {}).get(resource, {})
    return str(made.get("PhysicalResourceId", ""))


def _tell_held(key: _Resource, *status: str) -> None:
    held = _held.pop(key, None)
    if held:
        held(*status)


def _create_resource(upstream: Any, kind: str, resource: str, properties: Any, name: str) -> Any:
    if _stacks[name]["StackStatus"] == "UPDATE_IN_PROGRESS":
        _created.add((name, resource))
        _tell_held((name, resource), "CREATE_IN_PROGRESS")
    return upstream(kind, resource, properties, name)


def _update_resource(upstream: Any, kind: str, made: str, old: Any, new: Any, *where: Any) -> Any:
    if old == new:
        _held.pop(where[:2], None)
        _unchanged.add(where[:2])
    else:
        _tell_held(where[:2])
    return upstream(kind, made, old, new, *where)


def _delete_resource(upstream: Any, kind: str, made: str, properties: Any, *where: str) -> Any:
    name, resource = where
    stack = _stacks[name]
    if stack["StackStatus"] != _CLEANUP:
        return upstream(kind, made, properties, *where)
    event = stack["StackId"], name, resource, kind
    stacks._add_event(*event, "DELETE_IN_PROGRESS", "", made)
    deleted = upstream(kind, made, properties, *where)
    stacks._add_event(*event, "DELETE_COMPLETE", "", made)
    return deleted


def _resolve_and_begin(upstream: Any, *arguments: Any) -> Any:
    outputs, exports = upstream(*arguments)
    name, stack_id = arguments[-2:]
    stack = _stacks.get(name) or {}
    if stack.get("StackStatus") == "UPDATE_IN_PROGRESS":
        stack.update(StackStatus=_CLEANUP, Outputs=outputs)
        stacks._add_event(
            stack_id, name, name, "AWS::CloudFormation::Stack", _CLEANUP, "", stack_id
        )
    return outputs, exports


async def _deploy_and_clean_up(upstream: Any, name: str, *arguments: Any, **options: Any) -> None:
    await upstream(name, *arguments, **options)
    if _stacks[name]["StackStatus"] in _ENDS:
        await _hold(_stacks[name])


async def _hold(stack: dict[str, Any]) -> None:
    """Let the end of an operation come a moment later; nobody has seen it yet."""
    end = stack["StackStatus"]
    phase = f"{end}_CLEANUP_IN_PROGRESS"
    last = _stack_events[stack["StackId"]].pop()
    stack["StackStatus"] = phase
    await asyncio.sleep(_PAUSE)
    if stack["StackStatus"] == phase:  # upstream lets a stack be deleted meanwhile
        _stack_events[stack["StackId"]].append(last | {"Timestamp": now_iso()})
        stack["StackStatus"] = end
