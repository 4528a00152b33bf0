"""The ping that keeps a function in a VPC from becoming inactive."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

_WORD = "quayside"


def answers_ping(handler: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """Make a handler answer `{"quayside": "ping"}` with `{"quayside": "pong"}` before anything
    else: no call of AWS, no connection, no event to understand.

    Args:
        handler: takes Lambda's event and context.
    Returns:
        The handler to register with Lambda.

    Source: Lambda developer guide, "Lambda function states": a function that was not called for
    weeks becomes inactive, and its next invocation fails while its network interfaces are made.
    """

    @functools.wraps(handler)
    def run(event: Any, context: Any) -> Any:
        if event.get(_WORD) == "ping":
            return {_WORD: "pong"}
        return handler(event, context)

    return run
