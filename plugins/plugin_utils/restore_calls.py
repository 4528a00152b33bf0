"""The calls of a restore: what AWS says of service and cluster, the function, the task."""

from __future__ import annotations

import datetime
import json
from typing import Any

from ansible_collections.quayside.fargate.custom_resources.contract.names import USERS, Service
from ansible_collections.quayside.fargate.custom_resources.contract.stacks import parameters
from ansible_collections.quayside.fargate.plugins.plugin_utils import aws, restore, services
from ansible_collections.quayside.fargate.plugins.plugin_utils.clock import Clock
from ansible_collections.quayside.fargate.plugins.plugin_utils.errors import StackError
from ansible_collections.quayside.fargate.plugins.plugin_utils.restore import Home
from ansible_collections.quayside.fargate.plugins.plugin_utils.stack import describe

_CONTAINER = "move"  # as templates/restore.yml names it, and its stream's prefix
_PREFIX = "restore"
_LAST_LINES = 5
_PATIENCE = 910  # seconds: Lambda ends a function after 900 at most


class Restore:
    """The calls for one service.

    Args:
        account: makes the clients.
        service: which one.
        clock: paces the polls.
    """

    def __init__(self, account: aws.Account, service: Service, clock: Clock) -> None:
        self._account = account
        self._service = service
        self._clock = clock

    def home(self) -> Home:
        """Return the service's home.

        Raises: StackError with what is in the way.
        """
        client = self._account.client("cloudformation")
        states = services.stack_states(client)
        services.refuse_unknown_platform(states, self._service.platform, self._account.region)
        description = describe(client, self._service.stack)
        if description is None:
            raise services.missing(self._service.stack)
        return restore.home(self._service, description, parameters(description))

    def refuse_second(self, home: Home) -> None:
        """Raise StackError if an earlier restore of the service stands yet."""
        if describe(self._account.client("cloudformation"), home.stack) is not None:
            raise StackError(
                f"Nothing was restored: an earlier restore stands. {restore.costs_on(home)}"
            )

    def refuse_rotation(self) -> None:
        """Raise StackError if a password of the service is being changed."""
        client = self._account.client("secretsmanager")
        found = {it: services.find_secret(client, self._service.secret(it)) for it in USERS}
        pending = [colour for colour, it in found.items() if it is not None and it.pending]
        restore.refuse_rotation(self._service, pending)

    def refuse_running(self) -> None:
        """Raise StackError if the application runs."""
        client = self._account.client("ecs")
        restore.refuse_running(self._service, services.find_ecs_service(client, self._service))

    def parameters(self, home: Home, wanted: datetime.datetime, image: str) -> dict[str, Any]:
        """Return the parameters of the restore's stack.

        Raises: StackError if the cluster can't be restored to that moment, or AWS refuses to tell.
        """
        name = home.parameters["DatabaseClusterIdentifier"]
        rds = self._account.client("rds")
        (cluster,) = self._call(rds, "describe_db_clusters", DBClusterIdentifier=name)["DBClusters"]
        restore.refuse_outside(wanted, cluster)
        members = cluster.get("DBClusterMembers") or ()
        writer = next((it for it in members if it.get("IsClusterWriter")), None)
        if not writer:
            raise StackError(
                f"The cluster {name} has no writer at the moment, as while it fails over. "
                "Run the playbook again once it has one."
            )
        found = self._call(
            rds, "describe_db_instances", DBInstanceIdentifier=writer["DBInstanceIdentifier"]
        )
        definition = self._call(
            self._account.client("ecs"),
            "describe_task_definition",
            taskDefinition=home.outputs["TaskDefinitionArn"],
        )["taskDefinition"]
        (instance,) = found["DBInstances"]
        return dict(restore.parameters(home, cluster, instance, definition, wanted, image))

    def ask(self, home: Home, do: str, properties: dict[str, Any], **given: str) -> None:
        """Have the database function do something.

        Args:
            home: of the service.
            do: users, beside, swap or drop.
            properties: Custom::Database's.
            given: names of databases.

        Raises: StackError with its refusal.
        """
        event = {"quayside": "restore", "do": do, "stack_id": home.stack_id, **given}
        answer = self._call(
            self._account.client("lambda", patience=_PATIENCE),
            "invoke",
            FunctionName=home.parameters["DatabaseFunctionArn"],
            Payload=json.dumps({**event, "properties": properties}),
        )
        told = json.loads(answer["Payload"].read() or "null") or {}
        if "FunctionError" in answer or not told.get("done"):
            raise StackError(
                told.get("refused")
                or f"The database function failed: {told.get('errorMessage') or 'without a word'}. "
                "See its log; support must be of the same version."
            )

    def move(self, home: Home, definition: str) -> None:
        """Run the task that moves the data, and wait for its end.

        Raises: StackError if it fails.
        """
        ecs, cluster = self._account.client("ecs"), home.parameters["ClusterName"]
        started = self._call(
            ecs,
            "run_task",
            cluster=cluster,
            taskDefinition=definition,
            launchType="FARGATE",
            networkConfiguration=restore.network(home),
        )
        if not started["tasks"]:
            reasons = "; ".join(it.get("reason", "") for it in started.get("failures") or ())
            raise StackError(f"The task that moves the data didn't start: {reasons}.")
        task = started["tasks"][0]
        self._clock.hurry()
        while task["lastStatus"] != "STOPPED":
            self._clock.pause(
                f"The task that moves the data is {task['lastStatus']}", "moving the data"
            )
            asked = self._call(ecs, "describe_tasks", cluster=cluster, tasks=[task["taskArn"]])
            task = asked["tasks"][0]
        failed = restore.failed_move(task, [])
        if failed:
            raise StackError(restore.failed_move(task, self._last_lines(home, task)) or failed)

    def _last_lines(self, home: Home, task: dict[str, Any]) -> list[str]:
        identity = task["taskArn"].rsplit("/", 1)[-1]
        try:
            found = self._account.client("logs").get_log_events(
                logGroupName=home.outputs["LogGroupName"],
                logStreamName=f"{_PREFIX}/{_CONTAINER}/{identity}",
                limit=_LAST_LINES,
            )
        except aws.AwsError:
            return []  # the task's own words are the better half alone
        return [it["message"].strip() for it in found["events"]]

    def _call(self, client: Any, operation: str, **request: Any) -> dict[str, Any]:
        try:
            return dict(getattr(client, operation)(**request))
        except aws.AwsError as error:
            name = client.meta.method_to_api_mapping[operation]
            raise StackError(aws.explain(error, f"{name} for {self._service}")) from error
