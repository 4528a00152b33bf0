"""What stands on a platform: every service's active user, rotations, deployment and alarms."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from ansible_collections.quayside.fargate.custom_resources.contract.names import (
    ACTIVE_USER,
    Service,
    stack_prefix,
)
from ansible_collections.quayside.fargate.custom_resources.contract.stacks import (
    SHELL,
    ServiceStack,
    parameters,
)
from ansible_collections.quayside.fargate.plugins.plugin_utils import (
    aws,
    outdated,
    platform_stacks,
    services,
    versions,
)
from ansible_collections.quayside.fargate.plugins.plugin_utils.clock import Clock
from ansible_collections.quayside.fargate.plugins.plugin_utils.errors import StackError
from ansible_collections.quayside.fargate.plugins.plugin_utils.platform_stacks import (
    MONITORING,
    RDS,
)
from ansible_collections.quayside.fargate.plugins.plugin_utils.progress import Progress
from ansible_collections.quayside.fargate.plugins.plugin_utils.stack import (
    Description,
    Stack,
    describe,
    outputs,
)
from ansible_collections.quayside.fargate.plugins.plugin_utils.status_alarms import sort_alarms

_AT_ONCE = 8  # services that are asked for at the same time


class Status:
    """Asks AWS about the services of a platform.

    Args:
        account: makes the clients.
        platform: name of the platform.
        clock: the time the task has.
        progress: prints that AWS is asked once more.
    """

    def __init__(
        self, account: aws.Account, platform: str, clock: Clock, progress: Progress
    ) -> None:
        self._account = account
        self._platform = platform
        self._clock = clock
        self._progress = progress
        self._cloudformation = account.client("cloudformation")
        self._secrets = account.client("secretsmanager")
        self._ecs = account.client("ecs")
        self._cloudwatch = account.client("cloudwatch")
        self._known: Mapping[str, Description] = {}

    def of(self, name: str | None) -> dict[str, Any]:
        """Return what is told of one service, or of all.

        Args:
            name: of the service; None for all.

        Raises: StackError if there is no such platform or service, or AWS refuses to tell.
        """
        prefix = stack_prefix(self._platform)
        states = services.stack_states(self._cloudformation)
        services.refuse_unknown_platform(states, self._platform, self._account.region)
        every = sorted(it.removeprefix(prefix) for it in states if it.startswith(prefix))
        alarms, ringing = sort_alarms(self._alarms(), self._platform, every)
        names = every if name is None else [name]
        if name is None:
            self._known = services.descriptions(self._cloudformation)
        with ThreadPoolExecutor(max_workers=_AT_ONCE) as pool:
            found = [it for it in pool.map(lambda it: self._service(it, ringing), names) if it]
        if name is not None and not found:
            raise services.missing(prefix + name)
        own = self._own_stacks(states, every) if name is None else []
        watching = [it["monitoring"] for it in found if it["monitoring"]]
        version = versions.of_collection()
        return {
            "platform": self._platform,
            "collection": version,
            "services": found,
            "stacks": own,
            "outdated": outdated.behind([*own, *found, *watching], version),
            "newer": outdated.ahead([*own, *found, *watching], version),
            "platform_alarms": alarms,
            "warnings": [*self._unsettled(states), *self._warnings()],
        }

    def _own_stacks(self, states: Mapping[str, str], every: Sequence[str]) -> list[dict[str, Any]]:
        """Return name, status, template and version of each of the platform's own stacks.

        What watches a service stands beside it.
        """
        watching = {platform_stacks.name(MONITORING, self._platform, it) for it in every}
        names = [it for it in services.own_stacks(states, self._platform) if it not in watching]
        with ThreadPoolExecutor(max_workers=_AT_ONCE) as pool:
            return [it for it in pool.map(self._stack, names) if it]

    def _stack(self, name: str) -> dict[str, Any] | None:
        found = self._describe(name)
        if found is None or self._is_anothers(found):
            return None
        return {"stack": name, "status": found["StackStatus"], **outdated.origin(found)}

    def _describe(self, name: str) -> Description | None:
        return self._known.get(name) or describe(self._cloudformation, name)

    def _unsettled(self, states: Mapping[str, str]) -> list[str]:
        """Return a line for each of the platform's own stacks that is being changed, or failed."""
        found = services.unsettled(states, self._platform)
        return [f"Stack {name} is {status}." for name, status in found.items()]

    def _warnings(self) -> list[str]:
        """Return what is not as it was asked for: a database cluster that may be deleted."""
        description = self._describe(platform_stacks.name(RDS, self._platform))
        if description is None:
            return []
        given = parameters(description)
        if (given.get("DeletionProtection"), given.get("FirstCreation")) != ("true", "true"):
            return []
        return [
            f"Database cluster {outputs(description).get('DatabaseClusterIdentifier')} isn't "
            "protected from deletion as asked: after its creation the update that switches it on "
            "didn't come through. Run the platform's playbook again."
        ]

    def _alarms(self) -> list[str]:
        """Return the names of the alarms in ALARM that begin as the platform's do."""
        try:
            pages = self._cloudwatch.get_paginator("describe_alarms").paginate(
                AlarmNamePrefix=f"{self._platform}-", StateValue="ALARM"
            )
            return sorted(alarm["AlarmName"] for page in pages for alarm in page["MetricAlarms"])
        except aws.AwsError as error:
            raise StackError(aws.explain(error, "DescribeAlarms")) from error

    def _service(self, name: str, ringing: Mapping[str, Sequence[str]]) -> dict[str, Any] | None:
        service = Service(self._platform, name)
        description = self._describe(service.stack)
        # The network of a platform shop-service is called as the service network of shop would be.
        if description is None or self._is_anothers(description):
            return None
        return {
            "service": name,
            "stack": service.stack,
            "status": description["StackStatus"],
            **outdated.origin(description),
            "monitoring": self._stack(platform_stacks.name(MONITORING, self._platform, name)),
            "why": self._why(service, description),
            **self._users(service, description),
            "deployment": self._deployment(service),
            "alarms": list(ringing.get(name, ())),
        }

    def _is_anothers(self, description: Description) -> bool:
        platform = parameters(description).get("Platform", self._platform)
        return bool(platform != self._platform)

    def _why(self, service: Service, description: Description) -> str | None:
        """Return what led to a state that nobody asked for, None for any other state."""
        status = description["StackStatus"]
        if status == SHELL:
            return "nothing is deployed: its first change set was made and not executed"
        if not any(word in status for word in ("FAILED", "ROLLBACK")):
            return None
        stack = Stack(self._cloudformation, service.stack, self._clock, self._progress)
        return str(stack.why(description))

    def _users(self, service: Service, description: Description) -> dict[str, Any]:
        given = parameters(description)
        has_database = given.get("Database") == "true"
        users = given.get("DatabaseUsers", "").split("-") if has_database else []
        secrets = {user: self._user(service.secret(user)) for user in users}
        return {
            # Under way, the parameter already names the user that the stack may not get to.
            "active_user": given.get(ACTIVE_USER)
            if has_database and ServiceStack.of(description).is_stable
            else None,
            "rotation": bool(users[1:]) and given.get("Rotation") == "true",
            # A creation that was rolled back, or a deletion that failed, has taken the secrets.
            "users": {user: told for user, told in secrets.items() if told},
        }

    def _user(self, name: str) -> dict[str, Any] | None:
        secret = services.find_secret(self._secrets, name)
        return secret and {
            "secret": name,
            "last_rotation": _moment(secret.last),
            "next_rotation": _moment(secret.next) if secret.enabled else None,
            "unfinished_rotation": secret.pending,
        }

    def _deployment(self, service: Service) -> dict[str, Any] | None:
        """Return the deployment that runs, None if none does."""
        running = [
            it
            for it in services.deployments(self._ecs, service)
            if it.get("rolloutState") == "IN_PROGRESS"
        ]
        return next(
            (
                {
                    "id": it["id"],
                    "running": it["runningCount"],
                    "desired": it["desiredCount"],
                    "failed": it.get("failedTasks", 0),
                }
                for it in running
            ),
            None,
        )


def _moment(moment: datetime.datetime | None) -> str | None:
    """Return a moment in UTC as ISO 8601 has it."""
    return moment.astimezone(datetime.UTC).isoformat(timespec="seconds") if moment else None
