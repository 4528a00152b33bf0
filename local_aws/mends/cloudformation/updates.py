"""The events of an update, and the phase that comes after it.

Wrong upstream: each resource of the template has events, changed or not; a new one is "updated";
what an update replaced or removed goes without a word, and before the update is complete. On AWS
the stack is UPDATE_COMPLETE_CLEANUP_IN_PROGRESS meanwhile, after a rollback
UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS: states in which it is busy; here they are short.
Source: CloudFormation user guide, "Stack status codes"; answers recorded on AWS in LocalStack's
public tests (each of 70 updates).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from ministack.core.responses import now_iso
from ministack.services.cloudformation import _stack_events, _stacks, changesets, handlers, stacks

_CLEANUP = "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"
_ENDS = ("UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE")
_PAUSE = 0.2  # seconds that the phase lasts at least
_MODULES = (stacks, changesets, handlers)
_OPTIONAL = ("reason", "physical_id", "detailed_status")  # members of an event
_Resource = tuple[str, str]  # stack, logical id

_held: dict[_Resource, Callable[..., None]] = {}  # the first event, until the handler is called
_unchanged: set[_Resource] = set()
_created: set[_Resource] = set()


def install() -> None:
    """Install the mends of this room."""
    _sift_events()
    _ask_handlers()
    _clean_up()


def _sift_events() -> None:
    upstream = stacks._add_event

    def add(
        stack_id: str, name: str, resource: str, kind: str, status: str, *rest: Any, **more: Any
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

    for module in _MODULES:
        module._add_event = add


def _physical_id(key: _Resource) -> str:
    # Wrong upstream: the events of an update don't have it until it is complete.
    name, resource = key
    made = _stacks.get(name, {}).get("_resources", {}).get(resource, {})
    return str(made.get("PhysicalResourceId", ""))


def _tell_held(key: _Resource, *status: str) -> None:
    held = _held.pop(key, None)
    if held:
        held(*status)


def _ask_handlers() -> None:
    provision, update, delete = (
        stacks._provision_resource,
        stacks._update_resource,
        stacks._delete_resource,
    )

    def create_resource(kind: str, resource: str, properties: Any, name: str) -> Any:
        if _stacks[name]["StackStatus"] == "UPDATE_IN_PROGRESS":
            _created.add((name, resource))
            _tell_held((name, resource), "CREATE_IN_PROGRESS")
        return provision(kind, resource, properties, name)

    def update_resource(kind: str, made: str, old: Any, new: Any, *where: Any) -> Any:
        if old == new:
            _held.pop(where[:2], None)
            _unchanged.add(where[:2])
        else:
            _tell_held(where[:2])
        return update(kind, made, old, new, *where)

    def delete_resource(kind: str, made: str, properties: Any, name: str, resource: str) -> Any:
        stack = _stacks[name]
        if stack["StackStatus"] != _CLEANUP:
            return delete(kind, made, properties, name, resource)
        event = stack["StackId"], name, resource, kind
        stacks._add_event(*event, "DELETE_IN_PROGRESS", "", made)
        deleted = delete(kind, made, properties, name, resource)
        stacks._add_event(*event, "DELETE_COMPLETE", "", made)
        return deleted

    stacks._provision_resource = create_resource
    stacks._update_resource = update_resource
    stacks._delete_resource = delete_resource


def _clean_up() -> None:
    resolve, deploy = stacks._resolve_stack_outputs, stacks._deploy_stack_async

    def resolve_and_begin(*arguments: Any) -> Any:
        outputs, exports = resolve(*arguments)
        name, stack_id = arguments[-2:]
        stack = _stacks.get(name) or {}
        if stack.get("StackStatus") == "UPDATE_IN_PROGRESS":
            stack.update(StackStatus=_CLEANUP, Outputs=outputs)
            stacks._add_event(
                stack_id, name, name, "AWS::CloudFormation::Stack", _CLEANUP, "", stack_id
            )
        return outputs, exports

    async def deploy_and_clean_up(name: str, *arguments: Any, **options: Any) -> None:
        await deploy(name, *arguments, **options)
        if _stacks[name]["StackStatus"] in _ENDS:
            await _hold(_stacks[name])

    stacks._resolve_stack_outputs = resolve_and_begin
    for module in _MODULES:
        module._deploy_stack_async = deploy_and_clean_up


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
