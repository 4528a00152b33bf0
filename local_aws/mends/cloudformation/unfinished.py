"""Resources whose creation fails when they are there already.

Wrong upstream: they are forgotten. On AWS they belong to the stack, in CREATE_FAILED, and its
rollback deletes them; so with a custom resource that answered FAILED, or not at all. And what a
rollback couldn't delete is forgotten too, so that the stack's deletion leaves it behind.
Source: CloudFormation user guide, "Custom resource request types"; resource type development,
"Resource type handler contract", create handlers.
Last needed: ministack 1.5.33.
"""

from __future__ import annotations

from typing import Any

from ministack.core.responses import now_iso
from ministack.services.cloudformation import _stacks, stacks

from local_aws.mending import Mending
from local_aws.mends.cloudformation.handlers import UnfinishedError


def install(mending: Mending) -> None:
    """Let stacks keep what was made, until the rollback deletes it."""
    mending.around(stacks, "_provision_resource", _create_resource)
    mending.around(stacks, "_update_resource", _update_resource)
    mending.around(stacks, "_roll_back_operation", _roll_back_with_it)


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


async def _roll_back_with_it(
    upstream: Any, name: str, stack_id: str, stack: Any, operation: Any, *reason: str
) -> None:
    failed = operation.get("failed_logical_id")
    kept = stack.get("_resources", {}).get(failed, {})
    if kept.get("ResourceStatus") == "CREATE_FAILED" and failed not in operation["created"]:
        operation["created"].append(failed)
    await upstream(name, stack_id, stack, operation, *reason)
    _keep_undeleted(stack)


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
