"""AWS's partitions: commercial, China, GovCloud, the European Sovereign Cloud, the isolated ones.

Source: botocore's partitions.json, which all of AWS's SDKs share.
"""

from __future__ import annotations

import re
from typing import Any

from ansible_collections.quayside.fargate.plugins.plugin_utils import aws

_DUAL_STACK_APIS = "api."  # what its dual-stack suffix begins with, before a partition's own domain


def registry_domains() -> tuple[str, ...]:
    """Return the domains that ECR's registries of every partition are in.

    The dual-stack ones have ``on.`` where the services' own names have ``api.``, in each partition:
    https://docs.aws.amazon.com/AmazonECR/latest/userguide/ecr-requests.html, and the names that
    the ECS agent takes (aws/amazon-ecs-agent, ParseURI's tests).

    Raises: StackError without botocore.
    """
    outputs = [it["outputs"] for it in aws.partitions()]
    ipv4 = {it["dnsSuffix"] for it in outputs}
    dual = {"on." + it["dualStackDnsSuffix"].removeprefix(_DUAL_STACK_APIS) for it in outputs}
    return tuple(sorted(ipv4 | dual))


def of_region(region: str) -> str:
    """Return the name of a region's partition, such as ``aws-cn``: what stands in its ARNs.

    Raises: StackError without botocore.
    """
    return next((it["id"] for it in aws.partitions() if _has(it, region)), "aws")


def _has(partition: dict[str, Any], region: str) -> bool:
    return region in partition["regions"] or bool(re.match(partition["regionRegex"], region))
