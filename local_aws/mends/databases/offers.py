"""What of RDS and of VPC endpoints can be had.

Wrong upstream: two of the endpoints that a network without NAT needs aren't offered; the classes
are those of 2019 whatever the engine, without db.serverless. Here Aurora PostgreSQL has Serverless
v2 and the classes of today's families; which region or zone lacks which isn't known here.
Source: Aurora user guide, "Supported DB engines for DB instance classes"; PrivateLink guide, "AWS
services that integrate with AWS PrivateLink".
"""

from __future__ import annotations

from typing import Any

from ministack.services import ec2, rds

_AURORA = "aurora-postgresql"
_ENDPOINTS = ("cloudformation", "ecs")
_SIZES = ("large", "xlarge", "2xlarge", "4xlarge", "8xlarge")
_CLASSES = (
    "db.serverless",
    "db.t4g.medium",
    "db.t4g.large",
    *(f"db.{family}.{size}" for family in ("r6g", "r7g", "r8g") for size in _SIZES),
)


def install() -> None:
    """Offer them."""
    offered_upstream = ec2._VPCE_INTERFACE_SERVICES
    ec2._VPCE_INTERFACE_SERVICES = type(offered_upstream)({*offered_upstream, *_ENDPOINTS})
    upstream = rds._ACTION_MAP["DescribeOrderableDBInstanceOptions"]

    def offered(parameters: Any) -> Any:
        wanted = rds._p(parameters, "DBInstanceClass")
        if rds._p(parameters, "Engine") != _AURORA or wanted not in _CLASSES:
            return upstream(parameters)
        # one that upstream has stands for it: nothing else differs
        known = "db.r5.large"
        status, headers, body = upstream({**parameters, "DBInstanceClass": [known]})
        text = body.decode() if isinstance(body, bytes) else body
        return status, headers, text.replace(f">{known}<", f">{wanted}<")

    rds._ACTION_MAP["DescribeOrderableDBInstanceOptions"] = offered
