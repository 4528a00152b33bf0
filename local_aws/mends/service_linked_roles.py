"""The role by which ECS acts in the account.

Wrong upstream: it is called AWSServiceRoleForEcs, so that nobody finds it who looks for AWS's
AWSServiceRoleForECS.
Source: Amazon ECS developer guide, "Using service-linked roles for Amazon ECS".
"""

from __future__ import annotations

from typing import Any

from ministack.services import iam

_NAME, _NAME_UPSTREAM = "AWSServiceRoleForECS", "AWSServiceRoleForEcs"


def install() -> None:
    """Give the role AWS's name."""
    upstream = iam._create_service_linked_role

    def create_service_linked_role(parameters: dict[str, Any]) -> Any:
        if iam._p(parameters, "AWSServiceName") != "ecs.amazonaws.com":
            return upstream(parameters)
        if _NAME in iam._roles:
            taken = f"Service role name {_NAME} has been taken in this account"
            return iam._error(400, "InvalidInput", taken, ns="iam")
        status, headers, body = upstream(parameters)
        role = iam._roles.pop(_NAME_UPSTREAM)
        iam._roles[_NAME] = role | {
            "RoleName": _NAME,
            "Arn": role["Arn"].replace(_NAME_UPSTREAM, _NAME),
        }
        text = body.decode() if isinstance(body, bytes) else body
        return status, headers, text.replace(_NAME_UPSTREAM, _NAME)

    iam._create_service_linked_role = create_service_linked_role
    iam._IAM_HANDLERS["CreateServiceLinkedRole"] = create_service_linked_role
