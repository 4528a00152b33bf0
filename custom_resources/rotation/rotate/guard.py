"""Finding out what the guard has to know.

Source: Amazon ECS API reference, DescribeServices, ListServiceDeployments (90 days).
"""

from __future__ import annotations

import datetime
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from custom_resources.rotation import service_stack
from custom_resources.rotation.rotate.cluster import Cluster, Memory
from custom_resources.rotation.rotate.decisions import (
    Deployment,
    Facts,
    ServiceDeployment,
    refusal,
)
from custom_resources.rotation.users import ServiceUser
from custom_resources.shared.failure import Failure


def now() -> datetime.datetime:
    """The time in UTC."""
    return datetime.datetime.now(datetime.UTC)


@dataclass(frozen=True)
class Guard:
    """Forbids the rotation of a user that anything may be using.

    Args:
        user: to be rotated.
        cloudformation: boto3 client.
        ecs: boto3 client.
        settling: how long ago the last deployment must have ended.
        paused: whether the platform's rotation is paused.
        clock: the time in UTC.
        memory: what earlier guards of the same function learned of the cluster.
    """

    user: ServiceUser
    cloudformation: Any
    ecs: Any
    settling: datetime.timedelta
    paused: bool = False
    clock: Callable[[], datetime.datetime] = now
    memory: Memory = field(default_factory=Memory)

    def check(self, count_sessions: Callable[[], int]) -> None:
        """Look anew: at the service first, at the whole cluster if that allows it, and at the
        database if that does too.

        Args:
            count_sessions: counts the user's sessions in the database.
        Raises:
            Refusal: naming what forbids the rotation.
            Failure: stack or service isn't there.
            ClientError: a call was refused; nothing is rotated on half the facts.
        """
        facts = self._facts()
        self._raise_refusal(facts)
        facts = replace(facts, tasks=self._cluster.tasks())
        self._raise_refusal(facts)
        self._raise_refusal(replace(facts, sessions=count_sessions()))

    def _raise_refusal(self, facts: Facts) -> None:
        refused = refusal(facts, self.user, self.settling, paused=self.paused)
        if refused:
            raise refused

    @property
    def _cluster(self) -> Cluster:
        return Cluster(self.ecs, self.user, self.memory)

    def _facts(self) -> Facts:
        stack = service_stack.describe(self.cloudformation, self.user.stack_name)
        service = self._service()
        deployments = service.get("deployments", [])
        # One that doesn't say when it changed may have changed just now.
        updated = (
            it.get("updatedAt", self.clock()) for it in deployments if it["status"] == "PRIMARY"
        )
        return Facts(
            stack=stack,
            deployments=tuple(self._deployment(it) for it in deployments),
            service_deployments=self._service_deployments(),
            primary_updated=next(updated, None),
            now=self.clock(),
        )

    def _service(self) -> dict[str, Any]:
        user = self.user
        answer = self.ecs.describe_services(cluster=user.platform, services=[user.service])
        if not answer["services"]:
            raise Failure(
                f"There is no ECS service {user.service} in the cluster {user.platform}.",
                "Deploy the service again; without it nobody knows who uses the secret.",
            )
        service: dict[str, Any] = answer["services"][0]
        return service

    def _deployment(self, described: dict[str, Any]) -> Deployment:
        return Deployment(
            identity=described["id"],
            rollout_state=described.get("rolloutState", "IN_PROGRESS"),
            running=described["runningCount"] + described["pendingCount"],
            desired=described["desiredCount"],
            refers=self._cluster.refers(described["taskDefinition"]),
        )

    def _service_deployments(self) -> tuple[ServiceDeployment, ...]:
        request = {"cluster": self.user.platform, "service": self.user.service}
        page = self.ecs.list_service_deployments(**request)
        listed = page["serviceDeployments"]
        while token := page.get("nextToken"):  # boto3 has no paginator for it
            page = self.ecs.list_service_deployments(**request, nextToken=token)
            listed += page["serviceDeployments"]
        return tuple(
            ServiceDeployment(
                identity=it["serviceDeploymentArn"].rsplit("/", 1)[-1],
                status=it["status"],
                finished=it.get("finishedAt"),
            )
            for it in listed
        )
