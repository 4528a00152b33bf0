"""Who is the account's root, the role by which ECS acts in it, and what policies on ECS see.

Wrong upstream: besides the server's own key, `test` and every 12-digit number are root, whatever
AUTH=true says. The service-linked role of ECS is called AWSServiceRoleForEcs, so that nobody finds
it who looks for AWS's AWSServiceRoleForECS.
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/using-service-linked-roles-for-clusters.html
Whatever names a cluster is about the cluster, and the condition key ecs:cluster is never there.
Source: Service Authorization Reference, "Actions, resources, and condition keys for Amazon ECS".
"""

from __future__ import annotations

import hmac
import json
import re
from typing import Any

from ministack.core import iam_actions, iam_evaluator
from ministack.services import iam, sts

from local_aws.settings import Settings

# action -> the member of the request that names the resource, and its kind
_ECS_RESOURCES = {
    "DescribeServices": ("services", "service"),
    "DescribeTasks": ("tasks", "task"),
    "ListServiceDeployments": ("service", "service"),
    "UpdateService": ("service", "service"),
    "StopTask": ("task", "task"),
}
_IN_CLUSTER = re.compile(
    r"(?P<account>arn:aws:ecs:[^:]*:[^:]*):(cluster|service|task)/(?P<cluster>[^/]+)"
)
_ECS_ROLE, _ECS_ROLE_UPSTREAM = "AWSServiceRoleForECS", "AWSServiceRoleForEcs"


def install(settings: Settings) -> None:
    """Let the random key alone be root, and name the service-linked role of ECS as AWS does."""
    _root(settings)
    _ecs_role()
    _ecs_resources()
    _ecs_cluster_key()


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


def _ecs_resources() -> None:
    upstream = iam_actions.extract_resource_arn

    def extract_resource_arn(service: str, *request: Any) -> Any:
        arn = upstream(service, *request)
        _, _, headers, body, *_ = request
        action = str(headers.get("x-amz-target", "")).rsplit(".", 1)[-1]
        if service != "ecs" or action not in _ECS_RESOURCES or ":cluster/" not in arn:
            return arn
        member, kind = _ECS_RESOURCES[action]
        named = json.loads(body).get(member) or ["*"]
        # one is enough: a caller asks for those of one service, or of one cluster
        name = (named if isinstance(named, str) else named[0]).rsplit("/", 1)[-1]
        return f"{arn.replace(':cluster/', f':{kind}/')}/{name}"

    iam_actions.extract_resource_arn = extract_resource_arn


def _ecs_cluster_key() -> None:
    upstream = iam_evaluator._resolve_condition_key

    def resolve(key: str, context: Any) -> Any:
        found = _IN_CLUSTER.match(context.resource_arn)
        if key.lower() != "ecs:cluster" or not found:
            return upstream(key, context)
        return f"{found['account']}:cluster/{found['cluster']}"

    iam_evaluator._resolve_condition_key = resolve
