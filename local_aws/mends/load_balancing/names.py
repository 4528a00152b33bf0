"""The full name of a target group, by which CloudWatch knows it.

Wrong upstream: it lacks its first word.
Source: CloudFormation reference, AWS::ElasticLoadBalancingV2::TargetGroup, "Return values"
(targetgroup/my-target-group/cbf133c568e0d028).
Last needed: ministack 1.5.33.
"""

from __future__ import annotations

from ministack.services import alb

from local_aws.mending import Mending


def install(mending: Mending) -> None:
    """Let it have it."""
    mending.put(alb, "_target_group_full_name_from_arn", _full_name)


def _full_name(arn: str) -> str:
    return arn.rpartition(":")[2]
