"""What policies on ECS see.

Wrong upstream: whatever names a cluster is about the cluster, and the condition key ecs:cluster is
never there.
Source: Service Authorization Reference, "Actions, resources, and condition keys for Amazon ECS".
"""

from __future__ import annotations

import json
import re
from typing import Any

from ministack.core import iam_actions, iam_evaluator

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


def install() -> None:
    """Name the service or task that a call is about, and its cluster."""
    _ecs_resources()
    _ecs_cluster_key()


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
