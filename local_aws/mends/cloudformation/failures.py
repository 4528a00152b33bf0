"""Failures on demand: the control `fail` lets operations on a resource of a stack fail.

They come where a type's handler would fail, so that rollback, clean-up and events are the same.
Wrong upstream: nothing; no API lets a handler fail when a test wants it to.
Source: none of AWS's; LocalAws.fail.
Last needed: ministack 1.5.33. Not shown by a probe: upstream has nothing of the kind.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

from ministack.services.cloudformation import stacks

from local_aws.controls import control
from local_aws.mending import Layer, Mending
from local_aws.mends.cloudformation.handlers import UnfinishedError

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


def install(mending: Mending) -> None:
    """Put the failures in front of the handlers."""
    mending.around(stacks, "_provision_resource", _create_resource, layer=Layer.FAULT)
    mending.around(stacks, "_update_resource", _update_resource, layer=Layer.FAULT)
    mending.around(stacks, "_delete_resource", _delete_resource, layer=Layer.FAULT)


def _create_resource(upstream: Any, kind: str, logical_id: str, properties: Any, stack: str) -> Any:
    return _run((stack, logical_id, "CREATE"), upstream, kind, logical_id, properties, stack)


def _update_resource(upstream: Any, kind: str, made: str, old: Any, new: Any, *where: Any) -> Any:
    if old == new:  # nothing is asked of the handler
        return upstream(kind, made, old, new, *where)
    stack, logical_id = where[:2]
    return _run((stack, logical_id, "UPDATE"), upstream, kind, made, old, new, *where)


def _delete_resource(upstream: Any, kind: str, made: str, properties: Any, *where: str) -> Any:
    stack, logical_id = where
    return _run((stack, logical_id, "DELETE"), upstream, kind, made, properties, *where)


def _run(operation: _Wanted, handler: Callable[..., Any], *arguments: Any) -> Any:
    if _times[operation] <= 0:
        return handler(*arguments)
    _times[operation] -= 1
    reason, after = _how[operation]
    if not after:
        raise ValueError(reason)
    done = handler(*arguments)
    raise UnfinishedError(reason, *done) if done else ValueError(reason)
