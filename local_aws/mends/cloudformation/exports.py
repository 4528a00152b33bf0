"""Exports that other stacks import.

Wrong upstream: an export in use may be changed or removed, an export's name taken twice, and one
that an update removed stays importable. (Deleting its stack is refused upstream already.)
Source: CloudFormation user guide, "Get exported outputs from a deployed CloudFormation stack".
Last needed: ministack 1.5.33.
"""

from __future__ import annotations

from typing import Any

from ministack.services.cloudformation import _exports, _stacks, handlers, stacks

from local_aws.mending import Mending

Exports = dict[str, dict[str, str]]


def install(mending: Mending) -> None:
    """Check the exports of a stack before they are published."""
    mending.around(stacks, "_resolve_stack_outputs", _resolve)


def _resolve(upstream: Any, *arguments: Any) -> tuple[Any, Exports]:
    outputs, exports = upstream(*arguments)
    stack_name, stack_id = arguments[-2:]
    _check(stack_name, stack_id, exports)
    return outputs, exports


def _check(stack_name: str, stack_id: str, exports: Exports) -> None:
    for name in exports:
        other = _exports.get(name)
        if other and other["StackId"] != stack_id:
            owner = other["StackId"].split("/")[1]
            raise ValueError(f"Export with name {name} is already exported by stack {owner}")
    for name, before in list(_exports.items()):
        after = exports.get(name)
        if before["StackId"] != stack_id or (after and after["Value"] == before["Value"]):
            continue
        users = _importers(name, stack_name)
        if users:
            done = "updated" if after else "deleted"
            raise ValueError(
                f"Export {name} cannot be {done} as it is in use by {' and '.join(users)}"
            )
        if after is None:
            _exports.pop(name, None)


def _importers(export: str, but: str) -> list[str]:
    return [
        name
        for name, stack in _stacks.items()
        if name != but
        and stack["StackStatus"] != "DELETE_COMPLETE"
        and export in handlers._imported_export_names(stack, name)
    ]
