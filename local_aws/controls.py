"""What tests may do to a running local AWS that no API of AWS's does: `POST /_local/NAME`.

A mend registers its control by name; the gateway calls it with the JSON object of the body, in the
account and region of the local AWS, and answers what it returned as JSON. LocalAws's methods are
the other side. Only the account's root key opens it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

PATH, KEY = "/_local/", "x-local-aws-key"

Control = Callable[..., Any]

_controls: dict[str, Control] = {}


def control(name: str) -> Callable[[Control], Control]:
    """Register the decorated function as the control `name`; it must not block."""

    def register(function: Control) -> Control:
        _controls[name] = function
        return function

    return register


def run(name: str, arguments: dict[str, Any]) -> Any:
    """Call the control `name`.

    Raises:
        LookupError: there is none of that name.
    """
    return _controls[name](**arguments)
