"""The rules that a listener really has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from custom_resources.listener_priority.conditions import Conditions
from custom_resources.listener_priority.rules import Rule
from custom_resources.shared import aws, log
from custom_resources.shared.failure import Failure

# AWS's default for one load balancer, not counting default rules; adjustable
# (Quotas for your Application Load Balancers).
DEFAULT_RULE_QUOTA = 100
_QUOTA = "rules-per-application-load-balancer"


def rules(elbv2: Any, listener_arn: str) -> dict[int, Rule]:
    """All rules of a listener but its default one, by their priority.

    Args:
        elbv2: boto3 client.
        listener_arn: the listener.
    Raises:
        Failure: there is no such listener.
        ClientError: a call was refused.
    """
    pages = elbv2.get_paginator("describe_rules").paginate(ListenerArn=listener_arn)
    try:
        described = [rule for page in pages for rule in page["Rules"]]
    except ClientError as error:
        if aws.code(error) != "ListenerNotFound":
            raise
        raise Failure(
            f"There is no listener {listener_arn}.",
            "Deploy the load_balancer stack, then this one with its output ListenerArn.",
        ) from None
    found = (_rule(each) for each in described if each["Priority"] != "default")
    return {rule.number: rule for rule in found}


def rule_quota(elbv2: Any) -> int:
    """How many rules a load balancer of this account may have.

    Args:
        elbv2: boto3 client.
    """
    try:
        limits = elbv2.describe_account_limits()["Limits"]
    except ClientError as error:
        log.warning("quota unknown, AWS's default is assumed", code=aws.code(error))
        return DEFAULT_RULE_QUOTA
    found = (int(limit["Max"]) for limit in limits if limit["Name"] == _QUOTA)
    return next(found, DEFAULT_RULE_QUOTA)


def _rule(described: Mapping[str, Any]) -> Rule:
    try:
        conditions = Conditions.of(described.get("Conditions"))
    except Failure:  # such as a regular expression, which can't be compared
        conditions = None
    shown = ", ".join(map(_shown, described.get("Actions", [])))
    return Rule(int(described["Priority"]), conditions, shown=shown)


def _shown(action: Mapping[str, Any]) -> str:
    """What an action does, with the names of the target groups that it forwards to."""
    groups = action.get("ForwardConfig", {}).get("TargetGroups", [])
    arns = {it.get("TargetGroupArn", "") for it in (action, *groups)} - {""}
    names = " and ".join(sorted(arn.split("/")[1] for arn in arns))
    return f"{action['Type']} to {names}" if names else str(action["Type"])
