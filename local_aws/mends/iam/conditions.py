"""What policies see of a request: the resource it is about, and condition keys.

Wrong upstream: whatever names a cluster of ECS is about the cluster, RunTask too, whose resource is
the task definition, DescribeClusters about none;
a call that names two resources is allowed by one of them: a service deployment or revision without
its service, a task without its cluster;
the condition keys ecs:cluster and, of tasks, aws:ResourceTag are never there; buckets whose policy
asks for TLS refuse everybody, since loopback has none: here every request counts as encrypted.
Source: Service Authorization Reference, "Actions, resources, and condition keys for Amazon ECS"
(RunTask; ExecuteCommand, DescribeServiceDeployments, DescribeServiceRevisions and
StopServiceDeployment have an asterisk at two); IAM user guide, "AWS global condition context keys"
(aws:SecureTransport).
Last needed: ministack 1.5.33.
"""

from __future__ import annotations

import json
import re
from typing import Any

from ministack.core import iam_actions, iam_evaluator
from ministack.core.responses import get_account_id, get_region
from ministack.services import ecs

from local_aws.mending import Mending

# action -> the member of the request that names the resource, and its kind
_ECS_RESOURCES = {
    "DescribeServices": ("services", "service"),
    "DescribeTasks": ("tasks", "task"),
    "ExecuteCommand": ("task", "task"),
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
# action -> the resource that it is about besides, as the first one's ARN has it
_BESIDES = {
    "ecs:DescribeServiceDeployments": ("service-deployment/", "service/"),
    "ecs:DescribeServiceRevisions": ("service-revision/", "service/"),
    "ecs:StopServiceDeployment": ("service-deployment/", "service/"),
    "ecs:ExecuteCommand": ("task/", "cluster/"),
}
_IN_CLUSTER = re.compile(
    r"(?P<account>arn:aws:ecs:[^:]*:[^:]*):(cluster|service|service-deployment|service-revision|task)/(?P<cluster>[^/]+)"
)


def install(mending: Mending) -> None:
    """Name the service or task that a call is about, and its cluster."""
    mending.around(iam_actions, "extract_resource_arn", _resource_arn)
    mending.around(iam_evaluator, "_resolve_condition_key", _condition_key)
    mending.around(iam_evaluator, "enforce", _enforce)


def _resource_arn(upstream: Any, service: str, *request: Any) -> Any:
    arn = upstream(service, *request)
    _, _, headers, body, *_ = request
    action = str(headers.get("x-amz-target", "")).rsplit(".", 1)[-1]
    if service == "ecs" and action in _ECS_ARNS:
        told = json.loads(body).get(_ECS_ARNS[action]) or ["*"]
        return told if isinstance(told, str) else told[0]
    if service == "ecs" and action == "DescribeClusters":
        named = (json.loads(body).get("clusters") or ["default"])[0].rsplit("/", 1)[-1]
        return f"arn:aws:ecs:{get_region()}:{get_account_id()}:cluster/{named}"
    if service == "ecs" and action == "RunTask":
        named = json.loads(body).get("taskDefinition") or "*"
        at = f"arn:aws:ecs:{get_region()}:{get_account_id()}:task-definition"
        return named if named.startswith("arn:") else f"{at}/{named}"
    if service != "ecs" or action not in _ECS_RESOURCES or ":cluster/" not in arn:
        return arn
    member, kind = _ECS_RESOURCES[action]
    named = json.loads(body).get(member) or ["*"]
    # one is enough: a caller asks for those of one service, or of one cluster
    name = (named if isinstance(named, str) else named[0]).rsplit("/", 1)[-1]
    return f"{arn.replace(':cluster/', f':{kind}/')}/{name}"


def _enforce(  # noqa: PLR0917 - as upstream
    upstream: Any,
    access_key_id: str,
    iam_action: str,
    service: str,
    region: str,
    resource_arn: str = "*",
    service_context: dict[str, Any] | None = None,
) -> Any:
    refusal = upstream(access_key_id, iam_action, service, region, resource_arn, service_context)
    besides = _besides(iam_action, resource_arn)
    if refusal is not None or not besides:
        return refusal
    return upstream(access_key_id, iam_action, service, region, besides, service_context)


def _besides(action: str, arn: str) -> str:
    """Return the second resource that a call is about, or ""."""
    kind, other = _BESIDES.get(action, ("", ""))
    head, found, path = arn.partition(f":{kind}")
    if not kind or not found:
        return ""
    return f"{head}:{other}{path.rpartition('/')[0]}"


def _condition_key(upstream: Any, key: str, context: Any) -> Any:
    if key.lower() == "aws:securetransport":
        return "true"
    if key.lower().startswith("aws:resourcetag/") and ":task/" in context.resource_arn:
        return _task_tags(context.resource_arn).get(key.partition("/")[2])
    found = _IN_CLUSTER.match(context.resource_arn)
    if key.lower() != "ecs:cluster" or not found:
        return upstream(key, context)
    return f"{found['account']}:cluster/{found['cluster']}"


def _task_tags(arn: str) -> dict[str, str]:
    """Return a task's own tags, and those that it has from its service (PropagateTags)."""
    task = ecs._tasks.get(arn) or {}
    cluster, name = arn.split("/")[-2], str(task.get("group", "")).removeprefix("service:")
    service = ecs._services.get(f"{cluster}/{name}") or {}
    given = service.get("propagateTags") == "SERVICE"
    inherited = ecs._tags.get(service.get("serviceArn", ""), []) if given else []
    return {it["key"]: it["value"] for it in [*inherited, *ecs._tags.get(arn, [])]}
