"""Instance classes that Aurora PostgreSQL has.

Wrong upstream: the classes are those of 2019 whatever the engine, without db.serverless. Here
Aurora PostgreSQL has Serverless v2 and the classes of today's families; which region or zone lacks
which isn't known here.
Source: Aurora user guide, "Supported DB engines for DB instance classes".
Last needed: ministack 1.5.33.
"""

from __future__ import annotations

from typing import Any

from ministack.services import rds

from local_aws.mending import Mending

_AURORA = "aurora-postgresql"
_SIZES = ("large", "xlarge", "2xlarge", "4xlarge", "8xlarge")
_CLASSES = (
    "db.serverless",
    "db.t4g.medium",
    "db.t4g.large",
    *(f"db.{family}.{size}" for family in ("r6g", "r7g", "r8g") for size in _SIZES),
)


def install(mending: Mending) -> None:
    """Offer them."""
    mending.around(rds, "_ACTION_MAP", _offered, key="DescribeOrderableDBInstanceOptions")


def _offered(upstream: Any, parameters: Any) -> Any:
    wanted = rds._p(parameters, "DBInstanceClass")
    if rds._p(parameters, "Engine") != _AURORA or wanted not in _CLASSES:
        return upstream(parameters)
    # one that upstream has stands for it: nothing else differs
    known = "db.r5.large"
    status, headers, body = upstream({**parameters, "DBInstanceClass": [known]})
    text = body.decode() if isinstance(body, bytes) else body
    return status, headers, text.replace(f">{known}<", f">{wanted}<")
