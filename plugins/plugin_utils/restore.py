"""What a restore of one service's database asks for, refuses and tells; no call is made here."""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.quayside.fargate.custom_resources.contract.names import Service
from ansible_collections.quayside.fargate.custom_resources.contract.stacks import STABLE
from ansible_collections.quayside.fargate.plugins.plugin_utils import platform_stacks
from ansible_collections.quayside.fargate.plugins.plugin_utils.errors import StackError

_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(Z|\+00:00)")
_LONGEST_NAME = 63  # bytes of a database's (PostgreSQL documentation, "Identifiers and Key Words")
_WISHES = ("moment", "swap", "drop", "clean")
# Custom::Database's properties, by the parameter of a service's stack that holds each.
_PROPERTIES = {
    "Host": "DatabaseHost",
    "Port": "DatabasePort",
    "AdminUsername": "DatabaseAdminUsername",
    "AdminPasswordParameter": "DatabaseAdminPasswordParameter",
    "ActiveUser": "ActiveUser",
}
_LIMITS = ("StatementTimeoutSeconds", "ConnectionLimit")  # parameters and properties alike
_SECRETS = {"BlueSecretArn": "BlueSecretArn", "GreenSecretArn": "GreenSecretArn"}  # outputs


@dataclass(frozen=True)
class Home:
    """A service with a database, as its stack tells of it.

    Args:
        service: which one.
        stack_id: ARN of its stack.
        parameters: of the stack.
        outputs: of the stack.
    """

    service: Service
    stack_id: str
    parameters: Mapping[str, str]
    outputs: Mapping[str, str]

    @property
    def database(self) -> str:
        """Name of its database."""
        return self.outputs["DatabaseName"]

    @property
    def stack(self) -> str:
        """Name of the stack that a restore stands in for as long as it takes."""
        kind = platform_stacks.RESTORE
        return str(platform_stacks.name(kind, self.service.platform, self.service.name))

    @property
    def secret_arn(self) -> str:
        """ARN of its active user's secret."""
        return self.outputs[f"{self.parameters['ActiveUser'].capitalize()}SecretArn"]

    def properties(self, *, host: str = "", port: str = "", copy: bool = False) -> dict[str, Any]:
        """Return Custom::Database's properties, of another host and port if they are given.

        Args:
            host: name of a host.
            port: of it.
            copy: whether it is a copy, which has neither extensions nor limits of today.
        """
        given = {name: self.parameters[it] for name, it in _PROPERTIES.items()}
        secrets = {name: self.outputs[it] for name, it in _SECRETS.items() if it in self.outputs}
        other = {"Host": host, "Port": port} if host else {}
        named = [it for it in self.parameters.get("DatabaseExtensions", "").split(",") if it]
        extensions = {"Extensions": named} if named else {}
        limits = {it: self.parameters[it] for it in _LIMITS if self.parameters.get(it, "0") != "0"}
        todays = {} if copy else {**extensions, **limits}
        return {**given, **secrets, **other, **todays, "Database": self.database}


def home(service: Service, description: Mapping[str, Any], given: Mapping[str, str]) -> Home:
    """Return a service's home.

    Args:
        service: which one.
        description: of its stack (DescribeStacks).
        given: parameters of its stack.

    Raises: StackError if it has no database, or something is under way with it.
    """
    stack, status = service.stack, str(description["StackStatus"])
    if given.get("Database") != "true":
        raise StackError(
            f"Nothing was restored: the service of stack {stack} has no database. Mend "
            "service_platform or service_name."
        )
    if status not in STABLE:
        raise StackError(
            f"Nothing was restored: the stack {stack} is {status}, as during a deployment or a "
            "flip. Wait until it is done, and try again."
        )
    told = {it["OutputKey"]: it["OutputValue"] for it in description.get("Outputs", [])}
    return Home(service, str(description["StackId"]), given, told)


def wish(options: Mapping[str, Any]) -> str:
    """Return which of moment, swap, drop and clean is asked for.

    Raises: StackError unless it is one alone, and a moment has an image.
    """
    asked = [it for it in _WISHES if options[it]]
    if len(asked) != 1:
        raise StackError(
            f"Nothing was done: give one of {', '.join(_WISHES)}, not {', '.join(asked) or 'none'}."
        )
    if asked == ["moment"] and not options["image"]:
        raise StackError(
            "Nothing was restored: the database is moved by a task that needs an image with "
            "pg_dump and pg_restore. Push one, and name it: -e image=IMAGE (docs/restore.md)."
        )
    return asked[0]


def moment(text: str, now: datetime.datetime) -> datetime.datetime:
    """Return the moment that a text names.

    Raises: StackError if it isn't one in UTC to the second, or isn't past.
    """
    try:
        found = datetime.datetime.fromisoformat(text) if _MOMENT.fullmatch(text) else None
    except ValueError:
        found = None
    if found is None:
        raise StackError(
            f"Nothing was restored: the moment {text!r} isn't one. Write it in UTC, as "
            "2026-11-29T10:15:00Z."
        )
    if found >= now:
        raise StackError(
            f"Nothing was restored: {stamp(found)} isn't past, at {stamp(now)}. Take an earlier "
            "moment."
        )
    return found


def refuse_outside(wanted: datetime.datetime, cluster: Mapping[str, Any]) -> None:
    """Raise StackError if a cluster can't be restored to a moment.

    Args:
        wanted: the moment.
        cluster: DescribeDBClusters' entry.
    """
    name = cluster["DBClusterIdentifier"]
    earliest, latest = cluster.get("EarliestRestorableTime"), cluster.get("LatestRestorableTime")
    if earliest is None or latest is None:
        raise StackError(
            f"Nothing was restored: the cluster {name} has no backup yet. Wait for it."
        )
    if wanted < earliest:
        raise StackError(
            f"Nothing was restored: the backups of {name} begin at {stamp(earliest)}, after "
            f"{stamp(wanted)}. Take a later moment, or a snapshot (docs/templates.md)."
        )
    if wanted > latest:
        raise StackError(
            f"Nothing was restored: the backups of {name} reach to {stamp(latest)}, not to "
            f"{stamp(wanted)}. Wait some five minutes, or take an earlier moment."
        )


def refuse_rotation(service: Service, pending: Sequence[str]) -> None:
    """Raise StackError if a password of the service is being changed.

    Args:
        service: which one.
        pending: colours of the users whose rotation was begun and isn't finished.
    """
    if pending:
        raise StackError(
            f"Nothing was restored: a rotation of {' and '.join(pending)} of {service} is under "
            "way. Wait until it is finished (status.yml), and try again."
        )


def refuse_running(service: Service, ecs: Mapping[str, Any] | None) -> None:
    """Raise StackError if the application runs.

    Args:
        service: which one.
        ecs: DescribeServices' entry, None if there is none.
    """
    running = (ecs or {}).get("runningCount", 0) + (ecs or {}).get("pendingCount", 0)
    if running or (ecs or {}).get("desiredCount", 0):
        raise StackError(
            f"Nothing was swapped: {service} has {running} tasks, which would lose their database "
            "under them. Deploy it with service_desired_count: 0, wait until they are gone, and "
            "swap again."
        )


def beside(database: str, wanted: datetime.datetime) -> str:
    """Return the name of the database as it was at a moment."""
    return _named(database, "at", wanted)


def kept(database: str, now: datetime.datetime) -> str:
    """Return the name that the service's own database is kept under."""
    return _named(database, "before", now)


def _named(database: str, word: str, when: datetime.datetime) -> str:
    end = f"_{word}_{when:%Y%m%dt%H%M%S}"
    return f"{database[: _LONGEST_NAME - len(end)]}{end}"


def stamp(when: datetime.datetime) -> str:
    """Return a moment as people give it."""
    return f"{when.astimezone(datetime.UTC):%Y-%m-%dT%H:%M:%SZ}"


def parameters(  # noqa: PLR0917 - each from another answer of AWS
    home: Home,
    cluster: Mapping[str, Any],
    writer: Mapping[str, Any],
    definition: Mapping[str, Any],
    wanted: datetime.datetime,
    image: str,
) -> dict[str, Any]:
    """Return the parameters of a restore's stack.

    Args:
        home: of the service.
        cluster: the platform's (DescribeDBClusters).
        writer: its writer (DescribeDBInstances).
        definition: the service's task definition (DescribeTaskDefinition).
        wanted: the moment.
        image: with pg_dump and pg_restore.
    """
    capacity = cluster.get("ServerlessV2ScalingConfiguration") or {}
    container = definition["containerDefinitions"][0]
    return {
        "Platform": home.service.platform,
        "Name": home.service.name,
        "SourceClusterIdentifier": cluster["DBClusterIdentifier"],
        "Moment": stamp(wanted),
        "SourceSubnetGroupName": cluster["DBSubnetGroup"],
        "SourceSecurityGroupIds": ",".join(
            it["VpcSecurityGroupId"] for it in cluster["VpcSecurityGroups"]
        ),
        "SourceParameterGroupName": cluster["DBClusterParameterGroup"],
        "SourceKeyArn": cluster["KmsKeyId"],
        "SecondPortNumber": cluster["Port"],
        "AdminPasswordParameter": home.parameters["DatabaseAdminPasswordParameter"],
        "SecondInstanceClass": writer["DBInstanceClass"],
        **{f"Second{it}": capacity[it] for it in ("MinCapacity", "MaxCapacity") if it in capacity},
        "MoveImage": image,
        "MoveArchitecture": definition.get("runtimePlatform", {}).get("cpuArchitecture", "X86_64"),
        "MoveExecutionRoleArn": definition["executionRoleArn"],
        "MoveLogGroupName": container["logConfiguration"]["options"]["awslogs-group"],
        "SecretArn": home.secret_arn,
        "SourceDatabase": home.database,
        "TargetHost": home.parameters["DatabaseHost"],
        "TargetPort": home.parameters["DatabasePort"],
        "TargetDatabase": beside(home.database, wanted),
    }


def network(home: Home) -> dict[str, Any]:
    """Return where the task that moves the data runs: where the service's tasks do."""
    return {
        "awsvpcConfiguration": {
            "subnets": home.parameters["PrivateSubnetIds"].split(","),
            "securityGroups": [home.parameters["ContainerSecurityGroupId"]],
            "assignPublicIp": "DISABLED",
        }
    }


def failed_move(task: Mapping[str, Any], lines: Sequence[str]) -> str | None:
    """Return why a task that ended didn't move the data; None if it did.

    Args:
        task: DescribeTasks' entry.
        lines: that it wrote last.
    """
    containers = task.get("containers") or ()
    codes = [it.get("exitCode") for it in containers]
    if codes == [0]:
        return None
    reasons = [it["reason"] for it in containers if it.get("reason")]
    why = "; ".join([*lines, *reasons]) or task.get("stoppedReason") or "without a word"
    ended = next((f"ended with {it}" for it in codes if it is not None), "ended before it began")
    return f"The task that moves the data {ended}: {why.rstrip('.')}."


def costs_on(home: Home) -> str:
    """Return what is left after a restore that failed, and how it is removed."""
    return (
        f"The second cluster stands in the stack {home.stack}, and costs as much as a writer of "
        f"its class. Remove it: restore.yml -e service_platform={home.service.platform} "
        f"-e service_name={home.service.name} -e clean=true."
    )


def restored(home: Home, wanted: datetime.datetime, seconds: Mapping[str, float]) -> str:
    """Return what stands after a restore.

    Args:
        home: of the service.
        wanted: the moment.
        seconds: that each step took.
    """
    took = ", ".join(f"{step} {value:.0f} s" for step, value in seconds.items())
    return (
        f"{home.service}: the database as of {stamp(wanted)} is {beside(home.database, wanted)}, "
        f"beside {home.database}, which nothing was done to ({took}). Both users of the service "
        "may log in to it. To take it, stop the application and give swap its name; to be rid of "
        "it, drop."
    )
