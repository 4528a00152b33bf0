"""Resources whose creation fails when they are there already.

Wrong upstream: they are forgotten. On AWS they belong to the stack, in CREATE_FAILED, and its
rollback deletes them; so with a custom resource that answered FAILED, or not at all. And what a
rollback couldn't delete is forgotten too, so that the stack's deletion leaves it behind.
Source: CloudFormation user guide, "Custom resource request types"; resource type development,
"Resource type handler contract", create handlers.
"""

from __future__ import annotations

from typing import Any

from ministack.core.responses import now_iso
from ministack.services.cloudformation import _stacks, stacks

from local_aws.mends.handlers import UnfinishedError


def install() -> None:
    """Let stacks keep what was made, until the rollback deletes it."""
    provision, update = stacks._provision_resource, stacks._update_resource
    roll_back = stacks._roll_back_operation

    def create_resource(kind: str, logical_id: str, properties: Any, stack: str) -> Any:
        try:
            return provision(kind, logical_id, properties, stack)
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

    def update_resource(kind: str, old_id: str, old: Any, new: Any, *where: Any) -> Any:
        try:
            return update(kind, old_id, old, new, *where)
        except UnfinishedError as error:
            if error.physical_id != old_id:  # a replacement
                stacks._delete_resource(kind, error.physical_id, new, *where[:2])
            raise

    async def roll_back_with_it(
        name: str, stack_id: str, stack: Any, operation: Any, *reason: str
    ) -> None:
        failed = operation.get("failed_logical_id")
        kept = stack.get("_resources", {}).get(failed, {})
        if kept.get("ResourceStatus") == "CREATE_FAILED" and failed not in operation["created"]:
            operation["created"].append(failed)
        await roll_back(name, stack_id, stack, operation, *reason)
        _keep_undeleted(stack)

    stacks._provision_resource = create_resource
    stacks._update_resource = update_resource
    stacks._roll_back_operation = roll_back_with_it


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
