"""Whether the subnets have addresses left for the tasks of a deployment: each has one of its own.

Source: ECS developer guide, "Fargate task networking" and "DeploymentConfiguration".
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from ansible_collections.quayside.fargate.plugins.plugin_utils import aws, computed
from ansible_collections.quayside.fargate.plugins.plugin_utils.doctor_findings import (
    Finding,
    failed,
    ok,
    warning,
)
from ansible_collections.quayside.fargate.plugins.plugin_utils.verify_candidate import Candidate

_CHECK = "subnets"
_MAXIMUM_PERCENT = 200  # of the template


def subnets(candidate: Candidate) -> list[Finding]:
    """Look at the addresses that are left (DescribeSubnets).

    Raises: botocore's errors, but for that of a subnet that isn't there.
    """
    ids = candidate.given_or_output("private_subnet_ids", "PrivateSubnetIds")
    if not ids:
        return []  # the look at the platform tells why
    try:
        told = candidate.client("ec2").describe_subnets(SubnetIds=ids.split(","))
    except aws.AwsError as error:
        if aws.code(error) != "InvalidSubnetID.NotFound":
            raise
        what = f"{aws.message(error).rstrip('.')}."
        return [failed(_CHECK, what, "Mend the platform's subnets (playbooks/platform.yml).")]
    left = {
        it.get("SubnetId", ""): int(it.get("AvailableIpAddressCount", 0))
        for it in told.get("Subnets", ())
    }
    most = needed(candidate.values, candidate.before)
    return [judged(left, most, new=candidate.is_new)]


def needed(values: Mapping[str, Any], before: Mapping[str, str] | None) -> int:
    """Return how many new tasks a deployment has at most.

    Args:
        values: of the service's variables.
        before: the parameters that it was deployed with, None if it doesn't stand.
    """
    scales = computed.scales(values)
    count = int(values["scaling"]["max"] if scales else values["desired_count"])
    if before is None:
        return int(max(values["scaling"]["min"], 1) if scales else count)
    had = int(before.get("DesiredCount") or before.get("MinCount") or 0)
    running = max(min(had, count), 0)
    percent = int(values.get("maximum_percent") or _MAXIMUM_PERCENT)
    return max(math.floor(count * percent / 100), count) - running


def judged(left: Mapping[str, int], most: int, *, new: bool) -> Finding:
    """Hold the addresses that are left against what a deployment needs.

    A service that stands may be deployed to have fewer tasks, or for what starts none, and its own
    tasks free addresses as they end: so only a new one is sure to fail.

    Args:
        left: by subnet.
        most: as `needed` returns it.
        new: whether the service doesn't stand yet.
    """
    total = sum(left.values())
    what = f"{total} addresses are left in {', '.join(left)}; the deployment takes up to {most}."
    if new and most and not total:
        return failed(_CHECK, what, "Free some: stop tasks, or take larger subnets.")
    if total < most:
        to_do = "It may stop for want of them: free some, or take larger subnets."
        return warning(_CHECK, what, to_do)
    empty = [name for name, count in left.items() if not count]
    if empty and most:
        what = f"No address is left in {', '.join(empty)}, and {total} in the others."
        return warning(_CHECK, what, "Tasks that ECS places there don't start: free some.")
    return ok(_CHECK, what)
