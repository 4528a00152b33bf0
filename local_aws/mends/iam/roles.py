"""Roles: what their trust policies must say, and what those are called that AWS's services act by.

Wrong upstream: any text is a trust policy; the role of ECS is called AWSServiceRoleForEcs, so that
nobody finds it who looks for AWS's AWSServiceRoleForECS, and so are others.
Source: IAM user guide, "Grammar of the IAM JSON policy language" and "AWS services that work with
IAM"; API reference, CreateRole, MalformedPolicyDocument; each service's own page, such as Amazon
ECS developer guide, "Using service-linked roles for Amazon ECS".
Last needed: ministack 1.5.33.
"""

from __future__ import annotations

import json
from typing import Any

from ministack.services import iam

from local_aws.mending import Layer, Mending

_REQUIRED = ("Effect", "Principal", "Action")
_PROHIBITED = ("Resource", "NotResource")
_NAMES = {
    "ecs.amazonaws.com": "AWSServiceRoleForECS",
    "ecs.application-autoscaling.amazonaws.com": (
        "AWSServiceRoleForApplicationAutoScaling_ECSService"
    ),
    "elasticloadbalancing.amazonaws.com": "AWSServiceRoleForElasticLoadBalancing",
    "rds.amazonaws.com": "AWSServiceRoleForRDS",
}


def install(mending: Mending) -> None:
    """Refuse what IAM refuses, beside what upstream does, and give the roles AWS's names."""
    mending.around(iam, "_trust_policy_not_principal_error", _error, layer=Layer.VALIDATION)
    mending.around(iam, "_create_service_linked_role", _create)


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


def _create(upstream: Any, parameters: dict[str, Any]) -> Any:
    service = iam._p(parameters, "AWSServiceName")
    name = _NAMES.get(service)
    if name is None:
        return upstream(parameters)
    if name in iam._roles:
        taken = f"Service role name {name} has been taken in this account"
        return iam._error(400, "InvalidInput", taken, ns="iam")
    status, headers, body = upstream(parameters)
    theirs = f"AWSServiceRoleFor{service.partition('.')[0].capitalize()}"
    role = iam._roles.pop(theirs)
    iam._roles[name] = role | {"RoleName": name, "Arn": role["Arn"].replace(theirs, name)}
    text = body.decode() if isinstance(body, bytes) else body
    return status, headers, text.replace(theirs, name)
