"""What policies see of a request: the resource it is about, and condition keys.

Wrong upstream: whatever names a cluster of ECS is about the cluster, and the condition key
ecs:cluster is never there; buckets whose policy asks for TLS refuse everybody, since loopback has
none: here every request counts as encrypted.
Source: Service Authorization Reference, "Actions, resources, and condition keys for Amazon ECS";
IAM user guide, "AWS global condition context keys" (aws:SecureTransport).
Last needed: ministack 1.5.33.
"""

from __future__ import annotations

import json
import re
from typing import Any

from ministack.core import iam_actions, iam_evaluator

from local_aws.mending import Mending

# action -> the member of the request that names the resource, and its kind
_ECS_RESOURCES = {
    "DescribeServices": ("services", "service"),
    "DescribeTasks": ("tasks", "task"),
    "ListServiceDeployments": ("service", "service"),
    "UpdateService": ("service", "service"),
    "StopTask": ("task", "task"),
}
# action -> the member of the request that has whole ARNs
_ECS_ARNS = {
    "DescribeServiceDeployments": "serviceDeploymentArns",
    "DescribeServiceRevisions": "serviceRevisionArns",
    "StopServiceDeployment": "serviceDeploymentArn",
}
_IN_CLUSTER = re.compile(
    r"(?P<account>arn:aws:ecs:[^:]*:[^:]*):(cluster|service|service-deployment|service-revision|task)/(?P<cluster>[^/]+)"
)


def install(mending: Mending) -> None:
    """Name the service or task that a call is about, and its cluster."""
    mending.around(iam_actions, "extract_resource_arn", _resource_arn)
    mending.around(iam_evaluator, "_resolve_condition_key", _condition_key)


def _resource_arn(upstream: Any, service: str, *request: Any) -> Any:
    arn = upstream(service, *request)
    _, _, headers, body, *_ = request
    action = str(headers.get("x-amz-target", "")).rsplit(".", 1)[-1]
    if service == "ecs" and action in _ECS_ARNS:
        told = json.loads(body).get(_ECS_ARNS[action]) or ["*"]
        return told if isinstance(told, str) else told[0]
    if service != "ecs" or action not in _ECS_RESOURCES or ":cluster/" not in arn:
        return arn
    member, kind = _ECS_RESOURCES[action]
    named = json.loads(body).get(member) or ["*"]
    # one is enough: a caller asks for those of one service, or of one cluster
    name = (named if isinstance(named, str) else named[0]).rsplit("/", 1)[-1]
    return f"{arn.replace(':cluster/', f':{kind}/')}/{name}"


def _condition_key(upstream: Any, key: str, context: Any) -> Any:
    if key.lower() == "aws:securetransport":
        return "true"
    found = _IN_CLUSTER.match(context.resource_arn)
    if key.lower() != "ecs:cluster" or not found:
        return upstream(key, context)
    return f"{found['account']}:cluster/{found['cluster']}"
