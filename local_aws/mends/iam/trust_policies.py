"""Trust policies of roles, by API and by template.

Wrong upstream: any text is one.
Source: IAM user guide, "IAM JSON policy elements reference" and "Grammar of the IAM JSON policy
language"; API reference, CreateRole, MalformedPolicyDocument.
Last needed: ministack 1.5.33.
"""

from __future__ import annotations

import json
from typing import Any

from ministack.services import iam

from local_aws.mending import Layer, Mending

_REQUIRED = ("Effect", "Principal", "Action")
_PROHIBITED = ("Resource", "NotResource")


def install(mending: Mending) -> None:
    """Refuse what IAM refuses, beside what upstream does."""
    mending.around(iam, "_trust_policy_not_principal_error", _error, layer=Layer.VALIDATION)


def _error(upstream: Any, policy: Any) -> str | None:
    return upstream(policy) or error(policy)


def error(policy: Any) -> str | None:
    """Return why IAM refuses a trust policy (as JSON or an object), None if it doesn't."""
    if isinstance(policy, str):
        try:
            policy = json.loads(policy)
        except ValueError:
            return "This policy contains invalid Json"
    statements = policy.get("Statement") if isinstance(policy, dict) else None
    statements = [statements] if isinstance(statements, dict) else statements
    if not statements or not all(isinstance(each, dict) for each in statements):
        return "Syntax errors in policy."
    for statement in statements:
        missing = next((name for name in _REQUIRED if not statement.get(name)), None)
        if missing:
            return f"Missing required field {missing}"
        prohibited = next((name for name in _PROHIBITED if name in statement), None)
        if prohibited:
            return f"Has prohibited field {prohibited}"
    return None
