"""The roles by which AWS's services act in the account.

Wrong upstream: it is called AWSServiceRoleForEcs, so that nobody finds it who looks for AWS's
AWSServiceRoleForECS; and so are others.
Source: IAM user guide, "AWS services that work with IAM", and each service's own page, such as
Amazon ECS developer guide, "Using service-linked roles for Amazon ECS".
Last needed: ministack 1.5.33.
"""

from __future__ import annotations

from typing import Any

from ministack.services import iam

from local_aws.mending import Mending

_NAMES = {
    "ecs.amazonaws.com": "AWSServiceRoleForECS",
    "ecs.application-autoscaling.amazonaws.com": (
        "AWSServiceRoleForApplicationAutoScaling_ECSService"
    ),
    "elasticloadbalancing.amazonaws.com": "AWSServiceRoleForElasticLoadBalancing",
    "rds.amazonaws.com": "AWSServiceRoleForRDS",
}


def install(mending: Mending) -> None:
    """Give the roles AWS's names."""
    mending.around(iam, "_create_service_linked_role", _create)


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
