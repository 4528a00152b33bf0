"""Which alarms took a deployment of an Amazon ECS service back.

CloudFormation's event says that the service didn't become steady; ECS knows why.
Source: Amazon ECS API reference, ServiceDeployment: `alarms` has the names that were triggered.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ansible_collections.quayside.fargate.plugins.plugin_utils import aws

_GOING_WELL = ("PENDING", "IN_PROGRESS", "SUCCESSFUL")
_MOST = 20  # DescribeServiceDeployments takes so many
# An event of the stack may be told a moment after what it tells of.
_MARGIN = datetime.timedelta(seconds=5)


def rung(
    account: aws.Account, cluster: str, service: str, since: datetime.datetime
) -> Iterator[str]:
    """Yield a sentence for each alarm that took a deployment of a service back.

    Args:
        account: makes the client.
        cluster, service: their names.
        since: when the deployment was begun.
    Raises: one of aws.AwsError if AWS refuses to tell.
    """
    ecs = account.client("ecs")
    listed = ecs.list_service_deployments(
        cluster=cluster, service=service, createdAt={"after": since - _MARGIN}
    )["serviceDeployments"]
    failed = [it["serviceDeploymentArn"] for it in listed if it["status"] not in _GOING_WELL]
    if failed:
        answer = ecs.describe_service_deployments(serviceDeploymentArns=failed[:_MOST])
        yield from sentences(answer["serviceDeployments"])


def sentences(deployments: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Yield a sentence for each alarm that took one of the deployments back, each once.

    Args:
        deployments: as DescribeServiceDeployments describes them.
    """
    alarms = [(it.get("alarms") or {}).get("triggeredAlarmNames") or [] for it in deployments]
    for name in dict.fromkeys(name for names in alarms for name in names):
        yield f"The alarm {name} rang, and ECS took the deployment back (docs/deployments.md)."
