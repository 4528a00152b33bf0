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
    return [judged(left, *needed(candidate.values, candidate.before))]


def needed(values: Mapping[str, Any], before: Mapping[str, str] | None) -> tuple[int, int]:
    """Return how many new tasks a deployment can't do without, and how many it has at most.

    Args:
        values: of the service's variables.
        before: the parameters that it was deployed with, None if it doesn't stand.
    """
    scales = computed.scales(values)
    count = values["scaling"]["max"] if scales else values["desired_count"]
    if before is None:
        first = max(values["scaling"]["min"], 1) if scales else count
        return first, first
    had = int(before.get("DesiredCount") or before.get("MinCount") or 0)
    running = max(min(had, count), 0)
    percent = int(values.get("maximum_percent") or _MAXIMUM_PERCENT)
    most = max(math.floor(count * percent / 100), count) - running
    return (1 if count else 0), most


def judged(left: Mapping[str, int], least: int, most: int) -> Finding:
    """Hold the addresses that are left against what a deployment needs.

    Args:
        left: by subnet.
        least, most: as `needed` returns them.
    """
    total = sum(left.values())
    what = f"{total} addresses are left in {', '.join(left)}; the deployment takes up to {most}."
    if total < least:
        return failed(_CHECK, what, "Free some: stop tasks, or take larger subnets.")
    if total < most:
        to_do = "It rolls in smaller steps, and may stop: free some, or take larger subnets."
        return warning(_CHECK, what, to_do)
    empty = [name for name, count in left.items() if not count]
    if empty and most:
        what = f"No address is left in {', '.join(empty)}, and {total} in the others."
        return warning(_CHECK, what, "Tasks that ECS places there don't start: free some.")
    return ok(_CHECK, what)
