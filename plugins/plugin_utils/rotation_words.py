"""What a rotation says in the end."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ansible_collections.quayside.fargate.plugins.plugin_utils.errors import StackError


def refuse_two_wishes(*, every: bool, abort: bool) -> None:
    """Raise StackError if both users are to be rotated and a flip is to be cancelled."""
    if every and abort:
        raise StackError("Nothing was rotated. Give one of -e all=true and -e abort=true, or none.")


def told(service: str, result: Mapping[str, Any], *, abort: bool, seconds: float) -> Iterator[str]:
    """Yield sentences: who is active now, and what was done.

    Args:
        service: whose users, PLATFORM/NAME.
        result: the rotation's (`Rotation.rotate`, `Rotation.abort`).
        abort: whether a flip was to be cancelled.
        seconds: that it took.
    """
    yield f"{service}: {result['active_user']} is active, the stack is {result['status']}."
    if result["rotated"]:
        rotated = ", ".join(f"{user} in {took} s" for user, took in result["rotated"].items())
        yield f"Rotated: {rotated}."
    if abort and result["changed"]:
        yield (
            "The flip was cancelled: the other user has its new password, and only another "
            "rotation moves the service to it."
        )
    yield f"All took {seconds:.1f} s."
