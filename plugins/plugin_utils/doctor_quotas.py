"""Quotas of the account, how much of them is in use, and what the platform needs.

Source of the codes: Service Quotas' own list (aws service-quotas list-service-quotas).
"""

from __future__ import annotations

import datetime
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ansible_collections.quayside.fargate.plugins.plugin_utils import aws
from ansible_collections.quayside.fargate.plugins.plugin_utils.doctor_findings import (
    Finding,
    Patient,
    failed,
    not_asked,
    ok,
    warning,
)

# Ten functions run at a time in a new account; a deployment of many services needs more.
_FEW_FUNCTIONS = 50
_VCPUS = 1  # the first service: two tasks of 0.25, and as many again while it rolls
# The platform's own, but for its network; a service has one of its own and one for its alarms.
_STACKS = ("support", "deployment-all", "cluster", "load-balancer-public", "rds", "rotation")
_A_SERVICES_STACKS = 2


@dataclass(frozen=True)
class Quota:
    """A quota. name: in the table; service, code: Service Quotas' own; used, needed: count."""

    name: str
    service: str
    code: str
    used: Callable[[Patient], float]
    needed: Callable[[Patient], int]

    def look(self, patient: Patient) -> list[Finding]:
        """Hold what is used, and what is needed, against the quota; raises botocore's errors."""
        check = f"quota: {self.name}"
        used, needed = self.used(patient), self.needed(patient)
        try:
            limit = float(_quota(patient, self.service, self.code).get("Value", 0))
        except aws.AwsError as error:
            return [not_asked(check, error)]
        what = f"{used:g} of {limit:g} in use, and the platform needs {needed} more."
        if used + needed > limit:
            return [failed(check, what, self._ask_for(used + needed))]
        if used + needed == limit and needed:
            return [warning(check, f"{what} Then none is left.", self._ask_for(limit + needed))]
        return [ok(check, what)]

    def _ask_for(self, value: float) -> str:
        return (
            "Ask for more: aws service-quotas request-service-quota-increase --service-code "
            f"{self.service} --quota-code {self.code} --desired-value {value:g}"
        )


def _quota(patient: Patient, service: str, code: str) -> dict[str, Any]:
    client = patient.client("service-quotas")
    try:
        found = client.get_service_quota(ServiceCode=service, QuotaCode=code)
    except aws.AwsError as error:
        if aws.code(error) != "NoSuchResourceException":
            raise
        # an account that never had it changed may have no value of its own
        found = client.get_aws_default_service_quota(ServiceCode=service, QuotaCode=code)
    return dict(found.get("Quota", {}))


def _count(service: str, operation: str, member: str, **request: Any) -> Callable[[Patient], float]:
    def used(patient: Patient) -> float:
        client = patient.client(service)
        if not client.can_paginate(operation):
            return len(getattr(client, operation)(**request).get(member, ()))
        pages = client.get_paginator(operation).paginate(**request)
        return sum(len(page.get(member, ())) for page in pages)

    return used


def _stacks(patient: Patient) -> float:
    pages = patient.client("cloudformation").get_paginator("list_stacks").paginate()
    found = [it for page in pages for it in page["StackSummaries"]]
    # Those that were deleted are listed for 90 days (CloudFormation API reference, ListStacks).
    return float(sum(it["StackStatus"] != "DELETE_COMPLETE" for it in found))


def _load_balancers(patient: Patient) -> float:
    pages = patient.client("elbv2").get_paginator("describe_load_balancers").paginate()
    found = [it for page in pages for it in page.get("LoadBalancers", ())]
    return float(sum(it.get("Type", "application") == "application" for it in found))


def _fargate(patient: Patient) -> float:
    """Return the vCPUs that ran at most in the last quarter of an hour, as CloudWatch has them."""
    now = datetime.datetime.now(datetime.UTC)
    metric = _quota(patient, "fargate", "L-3032A538").get("UsageMetric", {})
    dimensions = metric.get("MetricDimensions", {})
    answer = patient.client("cloudwatch").get_metric_statistics(
        Namespace=metric.get("MetricNamespace", "AWS/Usage"),
        MetricName=metric.get("MetricName", "ResourceCount"),
        Dimensions=[{"Name": name, "Value": value} for name, value in dimensions.items()],
        StartTime=now - datetime.timedelta(minutes=15),
        EndTime=now,
        Period=300,
        Statistics=["Maximum"],
    )
    return max((float(it.get("Maximum", 0)) for it in answer.get("Datapoints", ())), default=0.0)


def _network(patient: Patient) -> int:
    """Return how many networks the platform is still to get."""
    return int(not patient.wanted["vpc_id"] and not patient.stands("network"))


def _addresses(patient: Patient) -> int:
    wanted = patient.wanted
    gateways = {"none": 0, "single": 1, "per-zone": wanted["zone_count"]}[wanted["nat_gateways"]]
    return _network(patient) * int(gateways)


def _databases(patient: Patient) -> int:
    return int(not patient.stands("rds"))


def _stacks_to_come(patient: Patient) -> int:
    """Return how many stacks the platform is still to get, and its next service."""
    return _network(patient) + sum(not patient.stands(it) for it in _STACKS) + _A_SERVICES_STACKS


QUOTAS = (
    # 2,000 in a region, nested ones too: two for each service are all in use at some 990 of them
    # (CloudFormation user guide, Understand CloudFormation quotas).
    Quota("stacks", "cloudformation", "L-0485CB21", _stacks, _stacks_to_come),
    Quota("VPCs", "vpc", "L-F678F1CE", _count("ec2", "describe_vpcs", "Vpcs"), _network),
    Quota(
        "internet gateways",
        "vpc",
        "L-A4707A72",
        _count("ec2", "describe_internet_gateways", "InternetGateways"),
        _network,
    ),
    Quota(
        "Elastic IP addresses",
        "ec2",
        "L-0263D0A3",
        _count("ec2", "describe_addresses", "Addresses"),
        _addresses,
    ),
    Quota(
        "load balancers",
        "elasticloadbalancing",
        "L-53DA6B97",
        _load_balancers,
        lambda patient: int(not patient.stands("load-balancer-public")),
    ),
    Quota("Fargate vCPUs", "fargate", "L-3032A538", _fargate, lambda _: _VCPUS),
    Quota(
        "database clusters",
        "rds",
        "L-952B80B8",
        _count("rds", "describe_db_clusters", "DBClusters"),
        _databases,
    ),
)


def functions(patient: Patient) -> list[Finding]:
    """Say how many functions may run at a time; raises botocore's errors."""
    check = "quota: Lambda concurrency"
    limits = patient.client("lambda").get_account_settings().get("AccountLimit", {})
    most = limits.get("ConcurrentExecutions", 0)
    free = limits.get("UnreservedConcurrentExecutions", most)
    what = f"{free} of {most} concurrent executions aren't reserved."
    if free >= _FEW_FUNCTIONS:
        return [ok(check, what)]
    to_do = (
        "Deploy ten services at a time, or ask for more: aws service-quotas "
        "request-service-quota-increase --service-code lambda --quota-code L-B99A9384 "
        "--desired-value 1000"
    )
    return [warning(check, what, to_do)]
