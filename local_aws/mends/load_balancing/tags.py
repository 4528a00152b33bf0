"""Tags of listener rules that a template makes.

Wrong upstream: a template's rule has none.
Source: CloudFormation user guide, AWS::ElasticLoadBalancingV2::ListenerRule, Tags; "Resource tags"
(those of the stack, and aws:cloudformation:*, aren't put on here).
Last needed: ministack 1.5.33.
"""

from __future__ import annotations

from typing import Any

from ministack.services import alb

from local_aws.mending import Mending

_RULE = "AWS::ElasticLoadBalancingV2::ListenerRule"


def install(mending: Mending) -> None:
    """Install the mends of this room."""
    mending.handler(_RULE, "create", _create)
    mending.handler(_RULE, "update", _update)
    mending.handler(_RULE, "delete", _delete)


def _create(upstream: Any, logical_id: str, properties: dict[str, Any], stack: str) -> Any:
    arn, attributes = upstream(logical_id, properties, stack)
    _keep(arn, properties)
    return arn, attributes


def _update(upstream: Any, arn: str, old: dict[str, Any], new: dict[str, Any], *rest: Any) -> Any:
    updated, attributes = upstream(arn, old, new, *rest)
    _keep(updated, new)
    return updated, attributes


def _delete(upstream: Any, arn: str, properties: dict[str, Any]) -> None:
    upstream(arn, properties)
    alb._tags.pop(arn, None)


def _keep(arn: str, properties: dict[str, Any]) -> None:
    tags = properties.get("Tags") or []
    alb._tags[arn] = [{"Key": str(it["Key"]), "Value": str(it["Value"])} for it in tags]
