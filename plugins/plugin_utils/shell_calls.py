"""What AWS says of the tasks that a shell may be opened in."""

from __future__ import annotations

from typing import Any

from ansible_collections.quayside.fargate.custom_resources.contract.names import Service
from ansible_collections.quayside.fargate.custom_resources.contract.stacks import parameters
from ansible_collections.quayside.fargate.plugins.plugin_utils import aws, services, shell
from ansible_collections.quayside.fargate.plugins.plugin_utils.errors import StackError
from ansible_collections.quayside.fargate.plugins.plugin_utils.shell import Audit, Task
from ansible_collections.quayside.fargate.plugins.plugin_utils.stack import describe

_AT_ONCE = 100  # tasks of one DescribeTasks


class Door:
    """The way into the tasks of one service.

    Args:
        account: makes the clients.
        service: which one.
    """

    def __init__(self, account: aws.Account, service: Service) -> None:
        self._account = account
        self._service = service
        self._ecs = account.client("ecs")

    def task(self, wanted: str) -> Task:
        """Return the task to go into, when all of it was looked at.

        Args:
            wanted: how its id begins, "" for any.

        Raises: StackError with what is in the way.
        """
        client = self._account.client("cloudformation")
        states = services.stack_states(client)
        services.refuse_unknown_platform(states, self._service.platform, self._account.region)
        description = describe(client, self._service.stack)
        ecs = services.find_ecs_service(self._ecs, self._service)
        if description is None or ecs is None:
            raise services.missing(self._service.stack)
        shell.refuse_switched_off(self._service, parameters(description), ecs)
        task = shell.choose(self._service, self._running(), wanted)
        shell.refuse_readonly(task, self._definition(str(task["taskDefinitionArn"])))
        return task

    def audit(self) -> Audit:
        """Return where the cluster keeps what is typed and shown.

        Raises: StackError if AWS refuses to tell.
        """
        found = self._call(
            "describe_clusters", clusters=[self._service.platform], include=["CONFIGURATIONS"]
        )
        return Audit.of(next(iter(found.get("clusters", ())), {}))

    def _running(self) -> list[Task]:
        try:
            pages = self._ecs.get_paginator("list_tasks").paginate(
                cluster=self._service.platform,
                serviceName=self._service.name,
                desiredStatus="RUNNING",
            )
            arns = [arn for page in pages for arn in page["taskArns"]]
        except aws.AwsError as error:
            raise StackError(aws.explain(error, f"ListTasks of {self._service}")) from error
        return [
            task
            for start in range(0, len(arns), _AT_ONCE)
            for task in self._call(
                "describe_tasks",
                cluster=self._service.platform,
                tasks=arns[start : start + _AT_ONCE],
            )["tasks"]
        ]

    def _definition(self, arn: str) -> dict[str, Any]:
        found = self._call("describe_task_definition", taskDefinition=arn)
        return dict(found["taskDefinition"])

    def _call(self, operation: str, **request: Any) -> dict[str, Any]:
        try:
            return dict(getattr(self._ecs, operation)(**request))
        except aws.AwsError as error:
            name = "".join(word.capitalize() for word in operation.split("_"))
            raise StackError(aws.explain(error, f"{name} of {self._service}")) from error
