"""What ECS remembers of a service: its deployments, and the revisions that they brought.

https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ListServiceDeployments.html: 90 days
https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeServiceRevisions.html: none
from before October 25, 2024
"""

from __future__ import annotations

import datetime
import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from ansible_collections.quayside.fargate.custom_resources.contract.names import Service
from ansible_collections.quayside.fargate.plugins.plugin_utils import aws
from ansible_collections.quayside.fargate.plugins.plugin_utils.errors import StackError
from ansible_collections.quayside.fargate.plugins.plugin_utils.rollback_revisions import Revision

_A_CALL = 20  # DescribeServiceRevisions takes so many
_SUCCESSFUL = "SUCCESSFUL"


class UntoldError(StackError):  # type: ignore[misc] # mypy doesn't know the collection
    """ECS doesn't tell a revision of a task definition any more."""


class EcsHistory:
    """Asks ECS about a service.

    Args:
        account: makes the client.
        service: whose deployments.
    """

    def __init__(self, account: aws.Account, service: Service) -> None:
        self._client = account.client("ecs")
        self._service = service

    def running(self) -> Revision:
        """Return the revision that the service is to run.

        Raises: StackError if there is no such ECS service, or AWS refuses to tell.
        """
        found = self._called(
            "DescribeServices",
            lambda: self._client.describe_services(
                cluster=self._service.platform, services=[self._service.name]
            ),
        )["services"]
        if not found:
            raise StackError(
                f"There is no ECS service {self._service.name} in the cluster "
                f"{self._service.platform}. Deploy the service."
            )
        return Revision(found[0]["taskDefinition"])

    def definition(self, revision: Revision) -> dict[str, Any]:
        """Return a task definition.

        Raises: UntoldError if ECS doesn't tell it any more; StackError if it refuses to.
        """
        try:
            answer = self._client.describe_task_definition(taskDefinition=revision.arn)
        except aws.AwsError as error:
            # Somebody deregistered it, or a template without UpdateReplacePolicy did: by
            # DescribeTaskDefinition's page those are told while something refers to them.
            if aws.code(error) == "ClientException":
                raise UntoldError(
                    f"ECS doesn't tell the task definition {revision.name} any more: "
                    f"{aws.message(error).rstrip('.')}. Name another revision (-e revision=N), or "
                    "deploy the version that you want."
                ) from error
            raise self._error(error, f"DescribeTaskDefinition of {revision.name}") from error
        return dict(answer["taskDefinition"])

    def deployments(self, *statuses: str) -> Iterator[dict[str, Any]]:
        """Yield the service's deployments, the newest first (ListServiceDeployments).

        Args:
            statuses: of them; none for all.
        """
        request: dict[str, Any] = {
            "cluster": self._service.platform,
            "service": self._service.name,
            **({"status": list(statuses)} if statuses else {}),
        }
        while True:  # botocore has no paginator for it
            page = self._called(
                "ListServiceDeployments",
                lambda: self._client.list_service_deployments(**request),
            )
            # In which order ECS lists them isn't documented.
            yield from sorted(page.get("serviceDeployments", []), key=_created, reverse=True)
            following = page.get("nextToken")
            if not following:
                return
            request["nextToken"] = following

    def revisions(self, deployments: Sequence[Mapping[str, Any]]) -> dict[str, Revision]:
        """Return the revisions that deployments were for, by the service revision's ARN.

        Args:
            deployments: as `deployments` yields them.
        """
        ended = {
            arn: it.get("finishedAt")
            for it in reversed(deployments)
            if (arn := it.get("targetServiceRevisionArn"))
        }
        arns, found = list(ended), dict[str, Revision]()
        for start in range(0, len(arns), _A_CALL):
            answer = self._called(
                "DescribeServiceRevisions",
                functools.partial(
                    self._client.describe_service_revisions,
                    serviceRevisionArns=arns[start : start + _A_CALL],
                ),
            )
            for told in answer.get("serviceRevisions", []):
                arn = told.get("serviceRevisionArn", "")
                if revision := Revision.of(told, ended.get(arn)):
                    found[arn] = revision
        return found

    def succeeded(self) -> Iterator[Revision]:
        """Yield the revisions of deployments that succeeded, the newest first."""
        chunk: list[dict[str, Any]] = []
        for it in self.deployments(_SUCCESSFUL):
            chunk.append(it)
            if len(chunk) == _A_CALL:
                yield from self._in_order(chunk)
                chunk = []
        yield from self._in_order(chunk)

    def _in_order(self, chunk: Sequence[Mapping[str, Any]]) -> Iterator[Revision]:
        found = self.revisions(chunk)
        for it in chunk:
            arn = it.get("targetServiceRevisionArn")
            if arn in found:
                yield found[arn]

    def _called(self, name: str, call: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        try:
            return call()
        except aws.AwsError as error:
            if aws.code(error) in ("ServiceNotFoundException", "ClusterNotFoundException"):
                return {"serviceDeployments": [], "services": [], "serviceRevisions": []}
            raise self._error(error, f"{name} of {self._service}") from error

    @staticmethod
    def _error(error: Exception, doing: str) -> StackError:
        return StackError(aws.explain(error, doing))


def _created(deployment: Mapping[str, Any]) -> datetime.datetime:
    created: datetime.datetime | None = deployment.get("createdAt")
    return created or datetime.datetime.min.replace(tzinfo=datetime.UTC)
