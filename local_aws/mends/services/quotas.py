"""Service Quotas: what AWS allows an account that never asked for more.

Wrong upstream: there is no such service. Here are the quotas that somebody asked for so far, with
AWS's default values; they can be read, none is enforced, and none can be raised. What CloudWatch
would measure of them (AWS/Usage) isn't measured.
Source: Service Quotas' own list; API reference of Service Quotas.
Last needed: ministack 1.5.33.
"""

from __future__ import annotations

import json
from typing import Any

from ministack import app
from ministack.core import iam_actions, router
from ministack.core.responses import (
    error_response_json,
    get_account_id,
    get_region,
    json_response,
)

from local_aws.mending import Mending

_SERVICE = "servicequotas"
_TARGET = "ServiceQuotasV20190624."
_READS = ("GetServiceQuota", "GetAWSDefaultServiceQuota")
# service, code: name, value
_QUOTAS = {
    ("cloudformation", "L-0485CB21"): ("Stack count", 2000),
    ("ec2", "L-0263D0A3"): ("EC2-VPC Elastic IPs", 5),
    ("elasticloadbalancing", "L-53DA6B97"): ("Application Load Balancers per Region", 50),
    ("fargate", "L-3032A538"): ("Fargate On-Demand vCPU resource count", 6),
    ("lambda", "L-B99A9384"): ("Concurrent executions", 1000),
    ("rds", "L-952B80B8"): ("DB clusters", 40),
    ("vpc", "L-A4707A72"): ("Internet gateways per Region", 5),
    ("vpc", "L-F678F1CE"): ("VPCs per Region", 5),
}


def install(mending: Mending) -> None:
    """Serve it, behind the same policies as every other service."""
    pattern = {
        "target_prefixes": [_TARGET],
        "host_patterns": [r"servicequotas\."],
        "credential_scope": _SERVICE,
    }
    mending.put(router, "SERVICE_PATTERNS", pattern, key=_SERVICE)
    mending.put(iam_actions, "SERVICE_TO_IAM_NAMESPACE", _SERVICE, key=_SERVICE)
    mending.put(app, "SERVICE_HANDLERS", _handle, key=_SERVICE)


async def _handle(_method: str, _path: str, headers: Any, body: bytes, _query: Any) -> Any:
    action = headers.get("x-amz-target", "").removeprefix(_TARGET)
    if action not in _READS:
        return error_response_json("InvalidAction", f"{action} isn't served here.", 400)
    request = json.loads(body or b"{}")
    service, code = request.get("ServiceCode"), request.get("QuotaCode")
    if (service, code) not in _QUOTAS:
        return error_response_json(
            "NoSuchResourceException", f"The quota {code} of {service} isn't known.", 400
        )
    name, value = _QUOTAS[service, code]
    arn = f"arn:aws:servicequotas:{get_region()}:{get_account_id()}:{service}/{code}"
    quota = {"ServiceCode": service, "QuotaCode": code, "QuotaArn": arn, "QuotaName": name}
    return json_response({"Quota": {**quota, "Value": float(value), "Adjustable": True}})
