"""Target groups: their full name, and actions that forward to several of them.

Wrong upstream: the full name, by which CloudWatch knows a target group, lacks its first word; an
action's ForwardConfig is dropped. (Requests go to its first group alone.)
Source: CloudFormation reference, AWS::ElasticLoadBalancingV2::TargetGroup, "Return values"
(targetgroup/my-target-group/cbf133c568e0d028); Elastic Load Balancing API reference, Action,
ForwardActionConfig.
Last needed: ministack 1.5.33.
"""

from __future__ import annotations

from typing import Any

from ministack.services import alb
from ministack.services.cloudformation import provisioners

from local_aws.mending import Mending


def install(mending: Mending) -> None:
    """Tell the name, and keep where an action forwards to."""
    mending.put(alb, "_target_group_full_name_from_arn", _full_name)
    mending.around(alb, "_parse_actions", _parse_actions)
    mending.around(provisioners, "_elbv2_listener_actions", _listener_actions)


def _full_name(arn: str) -> str:
    return arn.rpartition(":")[2]


def _parse_actions(
    upstream: Any, parameters: dict[str, Any], prefix: str = "DefaultActions"
) -> Any:
    actions = upstream(parameters, prefix)
    for number, action in enumerate(actions, start=1):
        groups = _forwarded_to(parameters, f"{prefix}.member.{number}.ForwardConfig")
        _keep_forward_config(action, groups)
    return actions


def _listener_actions(
    upstream: Any, properties: dict[str, Any], balancer: Any, prop: str = "DefaultActions"
) -> Any:
    actions = upstream(properties, balancer, prop)
    for action, given in zip(actions, properties.get(prop) or [], strict=False):
        _keep_forward_config(action, (given.get("ForwardConfig") or {}).get("TargetGroups"))
    return actions


def _forwarded_to(parameters: dict[str, Any], prefix: str) -> list[dict[str, str]]:
    groups: list[dict[str, str]] = []
    while arn := alb._p(
        parameters, f"{prefix}.TargetGroups.member.{len(groups) + 1}.TargetGroupArn"
    ):
        groups.append({"TargetGroupArn": arn})
    return groups


def _keep_forward_config(action: dict[str, Any], groups: list[dict[str, str]] | None) -> None:
    if groups:
        action["ForwardConfig"] = {"TargetGroups": groups}
        action.setdefault("TargetGroupArn", groups[0]["TargetGroupArn"])
