"""The empty stack that the first change set of a new stack makes (REVIEW_IN_PROGRESS).

Wrong upstream: a second change set that is to create the stack makes another empty stack under the
same name, and forgets the first, so that whoever executes the first finds no stack. On AWS both
belong to the one that is there.
Source: CloudFormation API reference, CreateChangeSet (ChangeSetType: CREATE).
Last needed: ministack 1.5.33.
"""

from __future__ import annotations

from typing import Any

from ministack.services.cloudformation import (
    _change_sets,
    _stack_events,
    _stacks,
    handlers,
    helpers,
)

from local_aws.mending import Mending


def install(mending: Mending) -> None:
    """Let change sets of one name share the empty stack."""
    mending.around(handlers, "_ACTION_HANDLERS", _create_change_set, key="CreateChangeSet")


def _create_change_set(upstream: Any, parameters: dict[str, Any]) -> Any:
    name = helpers._p(parameters, "StackName")
    shell = _stacks.get(name)
    if not shell or shell["StackStatus"] != "REVIEW_IN_PROGRESS":
        return upstream(parameters)
    status, headers, body = upstream(parameters)
    second, _stacks[name] = _stacks.get(name), shell
    if not second:  # refused
        return status, headers, body
    _stack_events.pop(second["StackId"], None)
    for change_set in _change_sets.values():
        if change_set["StackId"] == second["StackId"]:
            change_set["StackId"] = shell["StackId"]
    text = body.decode() if isinstance(body, bytes) else body
    return status, headers, text.replace(second["StackId"], shell["StackId"])
