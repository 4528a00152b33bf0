"""Who is the account's root, and the role by which ECS acts in the account.

Wrong upstream: besides the server's own key, `test` and every 12-digit number are root, whatever
AUTH=true says. The service-linked role of ECS is called AWSServiceRoleForEcs, so that nobody finds
it who looks for AWS's AWSServiceRoleForECS.
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/using-service-linked-roles-for-clusters.html
"""

from __future__ import annotations

import hmac
from typing import Any

from ministack.core import iam_evaluator
from ministack.services import iam, sts

from local_aws.settings import Settings

_ECS_ROLE, _ECS_ROLE_UPSTREAM = "AWSServiceRoleForECS", "AWSServiceRoleForEcs"


def install(settings: Settings) -> None:
    """Let the random key alone be root, and name the service-linked role of ECS as AWS does."""
    _root(settings)
    _ecs_role()


def _root(settings: Settings) -> None:

    def is_root_access_key(access_key: str) -> bool:
        # no key at all: a request without a signature, which ministack refuses where AWS does
        return not access_key or hmac.compare_digest(access_key, settings.access_key)

    iam_evaluator.is_root_access_key = is_root_access_key
    sts.is_root_access_key = is_root_access_key
    # ministack asks this one only where it leaves signatures alone
    iam_evaluator._is_root_key = lambda access_key: not access_key


def _ecs_role() -> None:
    upstream = iam._create_service_linked_role

    def create_service_linked_role(parameters: dict[str, Any]) -> Any:
        if iam._p(parameters, "AWSServiceName") != "ecs.amazonaws.com":
            return upstream(parameters)
        if _ECS_ROLE in iam._roles:
            taken = f"Service role name {_ECS_ROLE} has been taken in this account"
            return iam._error(400, "InvalidInput", taken, ns="iam")
        status, headers, body = upstream(parameters)
        role = iam._roles.pop(_ECS_ROLE_UPSTREAM)
        iam._roles[_ECS_ROLE] = role | {
            "RoleName": _ECS_ROLE,
            "Arn": role["Arn"].replace(_ECS_ROLE_UPSTREAM, _ECS_ROLE),
        }
        text = body.decode() if isinstance(body, bytes) else body
        return status, headers, text.replace(_ECS_ROLE_UPSTREAM, _ECS_ROLE)

    iam._create_service_linked_role = create_service_linked_role
