"""Calls that are refused because there were too many (strict mode).

Wrong upstream: any number of calls a second is answered.
Source: Amazon ECS's API reference, "Request throttling for the Amazon ECS API", and Elastic Load
Balancing's user guide, "Request throttling for the ELB API" (token buckets, one for each group of
actions). Secrets Manager's user guide ("AWS Secrets Manager quotas") and Systems Manager's
("Parameter Store": default throughput) give a rate a second, which is the bucket's size here.
CloudFormation's guide names no rate: it isn't throttled. What CloudFormation, ECS and rotations do
by themselves takes no tokens here; some of it does on AWS.
Last needed: ministack 1.5.33.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

from ministack import app
from ministack.core.responses import error_response_json
from ministack.services import alb

from local_aws.mending import Layer, Mending

# (actions, burst, refill a second)
_Group = tuple[tuple[str, ...], float, float]

_ECS: tuple[_Group, ...] = (
    (("CreateCluster", "DeleteCluster", "PutClusterCapacityProviders", "UpdateCluster",
      "UpdateClusterSettings"), 20, 1),
    (("DescribeClusters", "ListClusters"), 50, 20),
    (("DeregisterTaskDefinition", "RegisterTaskDefinition"), 20, 1),
    (("DescribeTaskDefinition", "ListTaskDefinitions", "ListTaskDefinitionFamilies"), 50, 20),
    (("DeleteTaskDefinitions",), 5, 1),
    (("DescribeCapacityProviders",), 50, 20),
    (("TagResource", "UntagResource"), 20, 10),
    (("ListTagsForResource",), 50, 20),
    (("ListAccountSettings",), 50, 20),
    (("ExecuteCommand", "PutAttributes", "RunTask", "StartTask", "StopTask"), 100, 40),
    (("DescribeContainerInstances", "DescribeTasks", "ListAttributes", "ListContainerInstances",
      "ListTasks"), 100, 20),
    (("CreateService", "DeleteService", "UpdateService"), 50, 5),
    (("DescribeServices", "ListServices"), 100, 20),
    (("DescribeServiceDeployments", "ListServiceDeployments"), 50, 20),
    (("DescribeServiceRevisions",), 50, 20),
    (("UpdateTaskProtection", "GetTaskProtection"), 200, 80),
    (("ListServicesByNamespace",), 10, 1),
)  # fmt: skip
_SECRETS_MANAGER: tuple[_Group, ...] = (
    (("DescribeSecret", "GetSecretValue"), 10_000, 10_000),
    (("ListSecrets", "BatchGetSecretValue"), 100, 100),
    (("PutSecretValue", "UpdateSecret", "UpdateSecretVersionStage", "ReplicateSecretToRegions"),
     50, 50),
    (("RotateSecret", "CancelRotateSecret"), 50, 50),
    (("DeleteResourcePolicy", "GetResourcePolicy", "PutResourcePolicy", "ValidateResourcePolicy"),
     50, 50),
    (("TagResource", "UntagResource"), 50, 50),
    (("CreateSecret",), 50, 50),
    (("DeleteSecret",), 50, 50),
    (("RestoreSecret",), 50, 50),
    (("GetRandomPassword",), 50, 50),
    (("ListSecretVersionIds",), 50, 50),
)  # fmt: skip
_PARAMETER_STORE: tuple[_Group, ...] = (
    (("GetParameter", "GetParameters", "GetParametersByPath"), 40, 40),
    (("PutParameter",), 3, 3),
)
_LOAD_BALANCING: tuple[_Group, ...] = (
    (("CreateLoadBalancer", "SetSubnets"), 10, 0.2),
    (("RegisterTargets", "DeregisterTargets"), 20, 4),
    (("AddListenerCertificates", "AddTags", "CreateListener", "CreateRule", "CreateTargetGroup",
      "DeleteListener", "DeleteLoadBalancer", "DeleteRule", "DeleteTargetGroup", "ModifyListener",
      "ModifyLoadBalancerAttributes", "ModifyRule", "ModifyTargetGroup",
      "ModifyTargetGroupAttributes", "RemoveListenerCertificates", "RemoveTags",
      "SetIpAddressType", "SetRulePriorities", "SetSecurityGroups"), 20, 3),
    (("DescribeAccountLimits", "DescribeListenerAttributes", "DescribeListenerCertificates",
      "DescribeListeners", "DescribeLoadBalancerAttributes", "DescribeLoadBalancers",
      "DescribeRules", "DescribeSSLPolicies", "DescribeTags", "DescribeTargetGroupAttributes",
      "DescribeTargetGroups", "DescribeTargetHealth"), 40, 10),
)  # fmt: skip
_CODE, _MESSAGE = "ThrottlingException", "Rate exceeded"


@dataclass
class Bucket:
    """Tokens of which each call takes one.

    Args:
        burst: how many there are at most, and at first.
        refill: how many come a second.
        clock: seconds.
    """

    burst: float
    refill: float
    clock: Callable[[], float] = time.monotonic
    _tokens: float = field(init=False)
    _filled: float = field(init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)

    def __post_init__(self) -> None:
        self._tokens, self._filled = self.burst, self.clock()

    def take(self) -> bool:
        """Take a token; return whether there was one."""
        with self._lock:
            moment = self.clock()
            grown = self._tokens + (moment - self._filled) * self.refill
            self._tokens, self._filled = min(self.burst, grown), moment
            if self._tokens < 1:
                return False
            self._tokens -= 1
            return True


def install(mending: Mending) -> None:
    """Put the buckets before the services."""
    if not mending.settings.strict:
        return
    for service, groups, action_of, refusal in (
        ("ecs", _ECS, _json_action, _json_refusal),
        ("secretsmanager", _SECRETS_MANAGER, _json_action, _json_refusal),
        ("ssm", _PARAMETER_STORE, _json_action, _json_refusal),
        ("elasticloadbalancing", _LOAD_BALANCING, _query_action, _xml_refusal),
    ):
        limited = _limited(groups, action_of, refusal)
        mending.around(app, "SERVICE_HANDLERS", limited, key=service, layer=Layer.ARRIVAL)


def _limited(
    groups: tuple[_Group, ...],
    action_of: Callable[[dict[str, str], bytes], str],
    refusal: Callable[[], Any],
) -> Callable[..., Any]:
    buckets: dict[str, Bucket] = {}
    for actions, burst, refill in groups:
        buckets |= dict.fromkeys(actions, Bucket(burst, refill))

    async def limited(  # noqa: PLR0917 - as upstream
        upstream: Any,
        method: str,
        path: str,
        headers: dict[str, str],
        body: bytes,
        query: dict[str, Any],
    ) -> Any:
        bucket = buckets.get(action_of(headers, body))
        if bucket is not None and not bucket.take():
            return refusal()
        return await upstream(method, path, headers, body, query)

    return limited


def _json_action(headers: dict[str, str], _: bytes) -> str:
    return headers.get("x-amz-target", "").rsplit(".", 1)[-1]


def _query_action(_: dict[str, str], body: bytes) -> str:
    return parse_qs(body.decode("utf-8", errors="replace")).get("Action", [""])[0]


def _json_refusal() -> Any:
    return error_response_json(_CODE, _MESSAGE, 400)


def _xml_refusal() -> Any:
    return alb._error(_CODE, _MESSAGE, 400)
