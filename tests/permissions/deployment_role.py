"""The deployment role's policies, with what services' keys allow it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from tests.permissions.needs import PARAMETERS
from tests.permissions.policies import Statement, statements
from tests.unit.templates.templates import ACCOUNT, REGION, Stack

KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/1234"


def of(**parameters: str) -> list[Statement]:
    """Return the statements of the role's own policies, for a team by its parameters."""
    role = Stack("deployment_role", PARAMETERS | parameters).resources["CloudFormationRole"]
    return [
        it
        for policy in role["Properties"]["Policies"]
        for it in statements(policy["PolicyDocument"])
    ]


def of_key(role: str, key: str = KEY, **service: str) -> list[Statement]:
    """Return the statements of a service's key that let a role in.

    Args:
        role: its ARN.
        key: the key's.
        service: parameters of the service.
    """
    policy = Stack("service", PARAMETERS | service).resources["Key"]["Properties"]["KeyPolicy"]
    caller = {"kms:CallerAccount": ACCOUNT, "aws:PrincipalArn": role}
    caller["kms:ViaService"] = f"secretsmanager.{REGION}.amazonaws.com"
    found = statements({"Statement": list(_of_roles(policy["Statement"]))})
    return [
        replace(it, resources=(key,))
        for it in found
        if it.covers(it.actions[0], it.resources[0], caller)
    ]


def _of_roles(key_statements: Any) -> Iterator[Any]:
    return (it for it in key_statements if it["Principal"] == {"AWS": "*"})
