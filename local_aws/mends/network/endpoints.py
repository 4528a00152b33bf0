"""VPC endpoints that can be had.

Wrong upstream: two of those that a network without NAT needs aren't offered.
Source: PrivateLink guide, "AWS services that integrate with AWS PrivateLink".
Last needed: ministack 1.5.33.
"""

from __future__ import annotations

from ministack.services import ec2

from local_aws.mending import Mending


def install(mending: Mending) -> None:
    """Offer them."""
    offered = ec2._VPCE_INTERFACE_SERVICES
    more = type(offered)({*offered, "cloudformation", "ecs"})
    mending.put(ec2, "_VPCE_INTERFACE_SERVICES", more)
