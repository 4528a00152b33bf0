"""What a stack keeps: resources whose creation failed half-way, and those that can't be deleted.

Wrong upstream: a resource that is there when its creation fails is forgotten, and no rollback
deletes it; so with a custom resource that answered FAILED, or not at all. What a resource that
can't be deleted needs is deleted; and a rollback of a creation forgets what it couldn't delete, so
that the stack is deleted without it. On AWS all stay with the stack, for the next attempt.
Source: CloudFormation user guide, "Custom resource request types" and "Delete a stack",
DELETE_FAILED and ROLLBACK_FAILED; resource type development, "Resource type handler contract",
create handlers.
Last needed: ministack 1.5.33.
"""

from __future__ import annotations

from typing import Any

from ministack.core.responses import now_iso
from ministack.services.cloudformation import _stacks, stacks

from local_aws.mending import Layer, Mending
from local_aws.mends.cloudformation.handlers import UnfinishedError

Stack = dict[str, Any]
_DELETING = ("DELETE_IN_PROGRESS", "ROLLBACK_IN_PROGRESS")


def install(mending: Mending) -> None:
    """Let stacks keep what was made, until it is deleted."""
    mending.around(stacks, "_provision_resource", _create_resource)
    mending.around(stacks, "_update_resource", _update_resource)
    mending.around(stacks, "_delete_resource", _delete, layer=Layer.STATE)
    mending.around(stacks, "_add_event", _add_event, layer=Layer.STATE)
    mending.around(stacks, "_delete_stack_async", _delete_stack)
    mending.around(stacks, "_roll_back_operation", _roll_back)


def _create_resource(upstream: Any, kind: str, logical_id: str, properties: Any, stack: str) -> Any:
    try:
        return upstream(kind, logical_id, properties, stack)
    except UnfinishedError as error:
        _stacks[stack]["_resources"][logical_id] = {
            "PhysicalResourceId": error.physical_id,
            "ResourceType": kind,
            "ResourceStatus": "CREATE_FAILED",
            "ResourceStatusReason": str(error),
            "LogicalResourceId": logical_id,
            "Properties": properties,
            "Attributes": error.attributes,
            "Timestamp": now_iso(),
        }
        raise


def _update_resource(upstream: Any, kind: str, old_id: str, old: Any, new: Any, *where: Any) -> Any:
    try:
        return upstream(kind, old_id, old, new, *where)
    except UnfinishedError as error:
        if error.physical_id != old_id:  # a replacement
            stacks._delete_resource(kind, error.physical_id, new, *where[:2])
        raise


def _keep_undeleted(stack: dict[str, Any]) -> None:
    """Keep what the rollback of a creation couldn't delete: the stack's deletion tries it again."""
    if stack["StackStatus"] != "ROLLBACK_FAILED":
        return
    for logical_id, record in stack.get("_rollback_failed", {}).items():
        stack["_resources"][logical_id] = {
            "Attributes": {},
            **record,
            "LogicalResourceId": logical_id,
            "ResourceStatus": "DELETE_FAILED",
            "Timestamp": now_iso(),
        }


async def _delete_stack(upstream: Any, name: str, *arguments: Any, **options: Any) -> None:
    stack = _stacks.get(name)
    if stack is None:
        return
    before = dict(stack["_resources"])
    stack["_kept"] = set()
    await upstream(name, *arguments, **options)
    _give_back(stack, before, ())


async def _roll_back(
    upstream: Any, name: str, stack_id: str, stack: Stack, operation: Any, *reason: str
) -> None:
    before = dict(stack.get("_resources", {}))
    stack.update(_kept=set(), _rolling_back=operation["template"])
    failed = operation.get("failed_logical_id")
    half_made = before.get(failed, {}).get("ResourceStatus") == "CREATE_FAILED"
    if half_made and failed not in operation["created"]:
        operation["created"].append(failed)
    await upstream(name, stack_id, stack, operation, *reason)
    _keep_undeleted(stack)
    template = stack.pop("_rolling_back")
    if stack["StackStatus"] == "ROLLBACK_FAILED":
        stack["_template"] = template
        _give_back(stack, before, stack["_rollback_failed"])


def _give_back(stack: Stack, before: dict[str, Any], failed: Any) -> None:
    """Let the stack have again what is still there."""
    there = stack["_resources"]
    for name in failed:
        before[name]["ResourceStatus"] = "DELETE_FAILED"
    still = {*there, *stack.pop("_kept"), *failed}
    there.update({name: record for name, record in before.items() if name in still})


def _delete(upstream: Any, kind: str, made: str, properties: Any, *where: str) -> Any:
    name, resource = where
    stack = _stacks[name]
    if resource in stack.get("_kept", ()):
        return None
    try:
        return upstream(kind, made, properties, *where)
    except Exception:
        forced = stack.get("DeletionMode") == "FORCE_DELETE_STACK"
        if stack["StackStatus"] in _DELETING and not forced:
            template = stack.get("_rolling_back") or stack["_template"]
            resources = template.get("Resources", {})
            needed = stacks._with_dependencies([resource], resources, set(resources))
            stack["_kept"] |= needed - {resource}
        raise


def _add_event(  # noqa: PLR0917 - as upstream
    upstream: Any,
    stack_id: str,
    name: str,
    resource: str,
    kind: str,
    status: str,
    *rest: Any,
    **more: Any,
) -> None:
    kept = _stacks.get(name, {}).get("_kept", ())
    if not (resource in kept and status.startswith("DELETE_")):
        upstream(stack_id, name, resource, kind, status, *rest, **more)
