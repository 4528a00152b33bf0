"""What CloudFormation refuses because of the state a stack is in.

Wrong upstream: a busy stack takes change sets and executes them; a stack in ROLLBACK_COMPLETE may
be created over; a change set of a stack that is gone is the one that isn't found.
Source: CloudFormation API reference, CreateStack, UpdateStack, CreateChangeSet, ExecuteChangeSet;
user guide, "Stack status codes".
Last needed: ministack 1.5.33.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from ministack.services.cloudformation import _stacks, changesets, handlers, helpers

from local_aws.mending import Layer, Mending

Parameters = dict[str, Any]
_BROKEN_UPDATE = ("UPDATE_ROLLBACK_FAILED",)
_BROKEN_CREATION = ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED", "DELETE_FAILED")


def install(mending: Mending) -> None:
    """Look at the stack before each of these operations."""
    mending.around(handlers, "_ACTION_HANDLERS", _create, key="CreateStack", layer=Layer.STATE)
    for action, check in (
        ("UpdateStack", _refuse_busy),
        ("CreateChangeSet", _refuse_change_set),
        ("ExecuteChangeSet", _refuse_execution),
        ("DescribeChangeSet", _refuse_description),
    ):
        checked = functools.partial(_checked, check)
        mending.around(handlers, "_ACTION_HANDLERS", checked, key=action, layer=Layer.STATE)


def _create(upstream: Any, parameters: Parameters) -> Any:
    stack = _stack(parameters)
    if stack and stack["StackStatus"] in _BROKEN_CREATION:
        said = f"Stack [{stack['StackName']}] already exists"
        return helpers._error("AlreadyExistsException", said)
    return upstream(parameters)


def _checked(
    check: Callable[[Parameters], str | None], upstream: Any, parameters: Parameters
) -> Any:
    refusal = check(parameters)
    return helpers._error("ValidationError", refusal) if refusal else upstream(parameters)


def _stack(parameters: Parameters) -> dict[str, Any] | None:
    stack = handlers._resolve_stack(helpers._p(parameters, "StackName"))
    return stack if stack and stack["StackStatus"] != "DELETE_COMPLETE" else None


def _refuse_busy(parameters: Parameters) -> str | None:
    stack = _stack(parameters)
    status = stack["StackStatus"] if stack else ""
    broken = status in _BROKEN_CREATION + _BROKEN_UPDATE
    if stack and (status.endswith("_IN_PROGRESS") or broken):
        return f"Stack:{stack['StackId']} is in {status} state and can not be updated."
    return None


def _refuse_change_set(parameters: Parameters) -> str | None:
    # Wrong upstream: a change set may be made of a stack that is busy or was never created.
    stack = _stack(parameters)
    if stack and stack["StackStatus"] == "REVIEW_IN_PROGRESS":
        return None
    return _refuse_busy(parameters)


def _refuse_execution(parameters: Parameters) -> str | None:
    # Wrong upstream: a change set may be executed on a busy stack.
    name, stack_name = (helpers._p(parameters, key) for key in ("ChangeSetName", "StackName"))
    _, change_set = changesets._find_change_set(name, stack_name)
    stack = _stacks.get((change_set or {}).get("StackName", ""))
    status = (stack or {}).get("StackStatus", "")
    if status.endswith("_IN_PROGRESS") and status != "REVIEW_IN_PROGRESS":
        return f"Stack:{stack['StackId']} is in {status} state and can not be updated."
    return None


def _refuse_description(parameters: Parameters) -> str | None:
    # Wrong upstream: the change set of a stack that is gone is the one that isn't found.
    name = helpers._p(parameters, "StackName")
    return f"Stack [{name}] does not exist" if name and not _stack(parameters) else None
