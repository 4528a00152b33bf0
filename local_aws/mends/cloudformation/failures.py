"""Failures on demand: the control `fail` lets operations on a resource of a stack fail.

They come where a type's handler would fail, so that rollback, clean-up and events are the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

from ministack.services.cloudformation import stacks

from local_aws.controls import control
from local_aws.mends.handlers import UnfinishedError

ACTIONS = ("CREATE", "UPDATE", "DELETE")
_Wanted = tuple[str, str, str]  # stack, logical id, action
_times: Counter[_Wanted] = Counter()
_how: dict[_Wanted, tuple[str, bool]] = {}


@control("fail")
def fail(stack: str, resource: str, *, action: str, times: int, reason: str, after: bool) -> None:
    """Remember that the next `times` operations are to fail; see LocalAws.fail.

    Raises:
        ValueError: there is no such action.
    """
    if action not in ACTIONS:
        raise ValueError(f"The action {action!r} is none of {', '.join(ACTIONS)}.")
    _times[stack, resource, action] = times
    _how[stack, resource, action] = reason, after


def install() -> None:
    """Put the failures in front of the handlers."""
    provision, update, delete = (
        stacks._provision_resource,
        stacks._update_resource,
        stacks._delete_resource,
    )

    def create_resource(kind: str, logical_id: str, properties: Any, stack: str) -> Any:
        return _run((stack, logical_id, "CREATE"), provision, kind, logical_id, properties, stack)

    def update_resource(kind: str, made: str, old: Any, new: Any, *where: Any) -> Any:
        if old == new:  # nothing is asked of the handler
            return update(kind, made, old, new, *where)
        stack, logical_id = where[:2]
        return _run((stack, logical_id, "UPDATE"), update, kind, made, old, new, *where)

    def delete_resource(kind: str, made: str, properties: Any, stack: str, logical_id: str) -> Any:
        arguments = kind, made, properties, stack, logical_id
        return _run((stack, logical_id, "DELETE"), delete, *arguments)

    stacks._provision_resource = create_resource
    stacks._update_resource = update_resource
    stacks._delete_resource = delete_resource


def _run(operation: _Wanted, handler: Callable[..., Any], *arguments: Any) -> Any:
    if _times[operation] <= 0:
        return handler(*arguments)
    _times[operation] -= 1
    reason, after = _how[operation]
    if not after:
        raise ValueError(reason)
    done = handler(*arguments)
    raise UnfinishedError(reason, *done) if done else ValueError(reason)
