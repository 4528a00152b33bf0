"""What stays when a resource can't be deleted.

Wrong upstream: the others go, also those that it needs, such as the secrets that a custom resource
was made with; and a rollback of a creation forgets what it couldn't delete, so that the stack is
deleted without it. On AWS both stay with the stack, for the next attempt.
Source: CloudFormation user guide, "Delete a stack", DELETE_FAILED and ROLLBACK_FAILED.
Last needed: ministack 1.5.33.
"""

from __future__ import annotations

from typing import Any

from ministack.services.cloudformation import _stacks, stacks

from local_aws.mending import Layer, Mending

Stack = dict[str, Any]
_DELETING = ("DELETE_IN_PROGRESS", "ROLLBACK_IN_PROGRESS")


def install(mending: Mending) -> None:
    """Install the mends of this room."""
    mending.around(stacks, "_delete_resource", _delete, layer=Layer.STATE)
    mending.around(stacks, "_add_event", _add_event, layer=Layer.STATE)
    mending.around(stacks, "_delete_stack_async", _delete_stack)
    mending.around(stacks, "_roll_back_operation", _roll_back, layer=Layer.HISTORY)


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
    await upstream(name, stack_id, stack, operation, *reason)
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
