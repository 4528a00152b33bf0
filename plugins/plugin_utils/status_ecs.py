"""What ECS says of many services, in as few calls as it takes names at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from ansible_collections.quayside.fargate.plugins.plugin_utils import aws, status_service
from ansible_collections.quayside.fargate.plugins.plugin_utils.status_calls import (
    Questions,
    by_name,
    chunks,
)

# What a call takes at a time (Amazon ECS API reference).
_SERVICES, _DEPLOYMENTS, _REVISIONS = 10, 20, 20
# Services whose deployments are listed one by one: fewer than ECS lets through at once (API
# reference, "Request throttling": bursts of 50).
_LISTED = 40
_ROLLED_BACK = "whether deployments were rolled back"  # left out without the two calls on them
_EVER = datetime.min.replace(tzinfo=UTC)

Entries = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Told:
    """What ECS says.

    services, deployments: of each service by name, those that are there; revisions: by ARN.
    """

    services: Entries
    deployments: Entries
    revisions: Entries


class Ecs:
    """Asks about the services of a cluster.

    Args:
        client: botocore's client for ECS.
        cluster: name of the cluster.
        questions: asks side by side.
    """

    def __init__(self, client: Any, cluster: str, questions: Questions) -> None:
        self._client = client
        self._cluster = cluster
        self._questions = questions

    def tell(self, names: Sequence[str]) -> Told:
        """Return what ECS says of services.

        Args:
            names: of those that the caller may ask for: a call for ten is refused if one of them
                may not be seen.
        """
        answers = self._questions.each(chunks(names, _SERVICES), self._describe)()
        found = by_name(answers, "serviceName")
        current = {
            arn: name for name, it in found.items() if (arn := it.get("currentServiceDeployment"))
        }
        arns = [arn for it in found.values() if (arn := status_service.revision_in_use(it))]
        # That the current one is still told once it ended isn't said; the newest are looked up.
        others = sorted(found.keys() - current.values(), key=lambda it: _made(found[it]))
        others = others[::-1][:_LISTED]
        deployments = self._questions.each(chunks([*current], _DEPLOYMENTS), self._deployments)
        revisions = self._questions.each(chunks(arns, _REVISIONS), self._revisions)
        listed = self._questions.each(others, self._newest)()
        told = by_name(deployments(), "serviceDeploymentArn")
        last = {name: told[arn] for arn, name in current.items() if arn in told}
        last |= {name: it for name, it in zip(others, listed, strict=True) if it}
        return Told(found, last, by_name(revisions(), "serviceRevisionArn"))

    def _describe(self, names: Sequence[str]) -> list[dict[str, Any]]:
        def ask() -> list[dict[str, Any]]:
            try:
                found = self._client.describe_services(cluster=self._cluster, services=[*names])
            except aws.AwsError as error:
                if aws.code(error) == "ClusterNotFoundException":
                    return []
                raise
            return [it for it in found["services"] if it.get("status") != "INACTIVE"]

        what = "tasks and last deployment"
        return [*self._questions.ask(ask, [], what, "ecs:DescribeServices", names)]

    def _deployments(self, arns: Sequence[str]) -> list[dict[str, Any]]:
        def ask() -> list[dict[str, Any]]:
            told = self._client.describe_service_deployments(serviceDeploymentArns=[*arns])
            return list(told["serviceDeployments"])

        action = "ecs:DescribeServiceDeployments"
        return [*self._questions.ask(ask, [], _ROLLED_BACK, action)]

    def _revisions(self, arns: Sequence[str]) -> list[dict[str, Any]]:
        def ask() -> list[dict[str, Any]]:
            told = self._client.describe_service_revisions(serviceRevisionArns=[*arns])
            return list(told.get("serviceRevisions", ()))

        what = "the image that runs (the stack's is told)"
        return [*self._questions.ask(ask, [], what, "ecs:DescribeServiceRevisions")]

    def _newest(self, name: str) -> dict[str, Any] | None:
        def ask() -> dict[str, Any] | None:
            try:
                answer = self._client.list_service_deployments(
                    cluster=self._cluster, service=name, maxResults=20
                )
            except aws.AwsError as error:
                if aws.code(error) in ("ServiceNotFoundException", "ServiceNotActiveException"):
                    return None
                raise
            found = answer["serviceDeployments"]
            return max(found, key=lambda it: it.get("createdAt", _EVER), default=None)

        action = "ecs:ListServiceDeployments"
        told: dict[str, Any] | None = self._questions.ask(ask, None, _ROLLED_BACK, action, [name])
        return told


def _made(service: dict[str, Any]) -> datetime:
    primary = status_service.primary_of(service) or {}
    return primary.get("createdAt") or _EVER
