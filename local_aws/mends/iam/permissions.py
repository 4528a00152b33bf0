"""What IAM asks, and what it answers about itself.

Wrong upstream: a simulation finds no policies of users and roles that have a path, and passes over
ContextEntries; nobody needs a permission for Lambda's GetAccountSettings.
Source: IAM API reference, SimulatePrincipalPolicy; Service Authorization Reference, "Actions,
resources, and condition keys for AWS Lambda".
Last needed: ministack 1.5.33.
"""

from __future__ import annotations

import contextvars
import dataclasses
from typing import Any

from ministack.core import iam_actions, iam_evaluator
from ministack.services import iam

from local_aws.mending import Mending

# condition keys of the simulation that runs
_simulated: contextvars.ContextVar[dict[str, str] | None] = contextvars.ContextVar(
    "simulated", default=None
)


def install(mending: Mending) -> None:
    """Find the policies, and ask for the permission."""
    mending.around(iam, "_IAM_HANDLERS", _simulate, key="SimulatePrincipalPolicy")
    mending.around(iam_evaluator, "evaluate", _evaluate)
    mending.around(iam_actions, "_lambda_action", _lambda_action)


def _simulate(upstream: Any, parameters: dict[str, Any]) -> Any:
    head, _, name = iam._p(parameters, "PolicySourceArn").rpartition("/")
    without_path = f"{head.partition('/')[0]}/{name}"
    token = _simulated.set(_entries(parameters))
    try:
        return upstream({**parameters, "PolicySourceArn": [without_path]})
    finally:
        _simulated.reset(token)


def _evaluate(upstream: Any, context: Any, *policies: Any) -> Any:
    keys = _simulated.get()
    asked = dataclasses.replace(context, service_context=keys) if keys else context
    return upstream(asked, *policies)


def _lambda_action(upstream: Any, method: str, path: str) -> str | None:
    if method == "GET" and path.rstrip("/").endswith("/account-settings"):
        return "GetAccountSettings"
    found: str | None = upstream(method, path)
    return found


def _entries(parameters: dict[str, Any]) -> dict[str, str]:
    """Return a simulation's condition keys, the first value of each."""
    entries: dict[str, str] = {}
    while name := iam._p(parameters, f"ContextEntries.member.{len(entries) + 1}.ContextKeyName"):
        prefix = f"ContextEntries.member.{len(entries) + 1}"
        entries[name.lower()] = iam._p(parameters, f"{prefix}.ContextKeyValues.member.1")
    return entries
