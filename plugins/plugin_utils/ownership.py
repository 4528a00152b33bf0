"""Whether a stack is the task's, by its own parameters: two platforms may call one the same.

shop-monitoring-rds watches the service rds of shop, or is the database cluster of shop-monitoring.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.quayside.fargate.custom_resources.contract.stacks import parameters
from ansible_collections.quayside.fargate.plugins.plugin_utils.errors import StackError
from ansible_collections.quayside.fargate.plugins.plugin_utils.mapping import parameter_of, subject
from ansible_collections.quayside.fargate.plugins.plugin_utils.stack import outputs

_TELLING = ("platform", "name")
# Outputs that tell what is protected by somebody's word alone; that of databases and load balancers
# a teardown lifts.
_PROTECTIONS = ("LogDeletionProtection",)


def refuse_anothers(description: Mapping[str, Any] | None, options: Mapping[str, Any]) -> None:
    """Refuse a stack that has the task's name and is somebody else's.

    Args:
        description: the stack (DescribeStacks), None if there is none. What its parameters don't
            tell, as those of a stack that never stood, is held against nothing.
        options: the task's; its variables say whose stack is meant.

    Raises: StackError naming the parameter, both values and the variable.
    """
    if description is None:
        return
    told = parameters(description)
    for option in _TELLING:
        wanted, parameter = options["variables"].get(option), parameter_of(option)
        if wanted and told.get(parameter, wanted) != wanted:
            prefix = options["variable_prefix"]
            raise StackError(
                f"Stack {description['StackName']} is another's: its parameter {parameter} is "
                f"{told[parameter]!r}, not {wanted!r}, so it was left as it is. Mend "
                f"{f'{prefix}_' if prefix else ''}{option}, or take another name for what you "
                "deploy."
            )


def refuse_deletion(description: Mapping[str, Any] | None, options: Mapping[str, Any]) -> None:
    """Refuse to delete a stack that is somebody else's, or protected without being told so.

    So is one with a resource that AWS wouldn't delete: CloudFormation would find that out in the
    middle of it.

    Args:
        description, options: as `refuse_anothers` takes them.

    Raises: StackError naming what to write if it must go.
    """
    refuse_anothers(description, options)
    lifted = options["termination_protection"] is False
    if description and description.get("EnableTerminationProtection") and not lifted:
        prefix = options["variable_prefix"]
        raise StackError(
            f"Stack {description['StackName']} is protected against deletion. If it must go, "
            f"repeat with {f'{prefix}_' if prefix else ''}termination_protection: false."
        )
    for parameter in protecting(description):
        raise StackError(
            f"Stack {(description or {})['StackName']} has what AWS doesn't delete: "
            f"{subject(parameter, options['variable_prefix'])} is true. If it must go, deploy it "
            "with false first."
        )


def protecting(description: Mapping[str, Any] | None) -> list[str]:
    """Return the parameters by which a stack's resources are protected from deletion now.

    Args:
        description: the stack (DescribeStacks), None if there is none.
    """
    told = outputs(description) if description else {}
    return [it for it in _PROTECTIONS if told.get(it) == "true"]
