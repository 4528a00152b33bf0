"""The rules that a listener really has."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError

from custom_resources.shared import aws, log
from custom_resources.shared.failure import Failure

# AWS's default for one load balancer, not counting default rules; adjustable
# (Quotas for your Application Load Balancers).
DEFAULT_RULE_QUOTA = 100
_QUOTA = "rules-per-application-load-balancer"


def priorities(elbv2: Any, listener_arn: str) -> set[int]:
    """The priorities of all rules of a listener but its default one.

    Args:
        elbv2: boto3 client.
        listener_arn: the listener.
    Raises:
        Failure: there is no such listener.
        ClientError: a call was refused.
    """
    pages = elbv2.get_paginator("describe_rules").paginate(ListenerArn=listener_arn)
    try:
        rules = [rule for page in pages for rule in page["Rules"]]
    except ClientError as error:
        if aws.code(error) != "ListenerNotFound":
            raise
        raise Failure(
            f"There is no listener {listener_arn}.",
            "Deploy the load_balancer stack, then this one with its output ListenerArn.",
        ) from None
    return {int(rule["Priority"]) for rule in rules if rule["Priority"] != "default"}


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
