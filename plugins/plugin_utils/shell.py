"""A shell in a container (ECS Exec): what stands in its way, and the command that opens it.

Decisions only; no call is made here. Source: Amazon ECS developer guide, "Monitor Amazon ECS
containers with ECS Exec".
"""

from __future__ import annotations

import datetime
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.quayside.fargate.custom_resources.contract.names import Service
from ansible_collections.quayside.fargate.plugins.plugin_utils.errors import StackError

AGENT = "ExecuteCommandAgent"
CONTAINER = "app"  # of every service (service.yml)
_LONGEST_AGO = datetime.datetime.min.replace(tzinfo=datetime.UTC)

Task = Mapping[str, Any]


@dataclass(frozen=True)
class Audit:
    """Where the cluster keeps what is typed and shown.

    Attributes:
        group: the log group, "" if ECS keeps it in none of its own.
        key: ARN of the KMS key that encrypts the connection, "" without one.
        bucket: of S3, "" without one.
        follows_log: whether it goes where the task definition's awslogs driver writes to.
    """

    group: str = ""
    key: str = ""
    bucket: str = ""
    follows_log: bool = False

    @classmethod
    def of(cls, cluster: Mapping[str, Any]) -> Audit:
        """Return what a cluster is set to (DescribeClusters with CONFIGURATIONS).

        Without a setting ECS takes DEFAULT (botocore's model, ExecuteCommandConfiguration).
        """
        given = (cluster.get("configuration") or {}).get("executeCommandConfiguration") or {}
        how = given.get("logging") or "DEFAULT"
        own = (given.get("logConfiguration") or {}) if how == "OVERRIDE" else {}
        return cls(
            str(own.get("cloudWatchLogGroupName") or ""),
            str(given.get("kmsKeyId") or ""),
            str(own.get("s3BucketName") or ""),
            follows_log=how == "DEFAULT",
        )

    @property
    def sentence(self) -> str:
        """What a person who opens a shell should know."""
        places = [f"the log group {self.group}"] if self.group else []
        places += [f"the S3 bucket {self.bucket}"] if self.bucket else []
        if places:
            return f"What is typed and shown is kept in {' and '.join(places)}."
        if self.follows_log:
            return (
                "What is typed and shown isn't audited, but goes into the service's own log if its "
                "task role may write there: deploy the platform, which switches that off, or with "
                "cluster_execute_command_audit: true."
            )
        return (
            "What is typed and shown isn't audited: deploy the platform with "
            "cluster_execute_command_audit: true."
        )


def refuse_command(command: str) -> None:
    """Raise StackError for a command that no shell could be told of."""
    if not command.strip() or "\n" in command or not command.isprintable():
        raise StackError(
            "command is empty, or has characters that can't be printed. Give one line, such as "
            "-e command=/bin/sh."
        )


def refuse_switched_off(service: Service, given: Mapping[str, str], ecs: Mapping[str, Any]) -> None:
    """Raise StackError if no shell can be opened in any task of a service.

    Args:
        service: which one.
        given: parameters of its stack.
        ecs: its entry of DescribeServices.
    """
    if not ecs.get("enableExecuteCommand"):
        raise StackError(
            f"The service {service} lets nobody in: ECS Exec is off. Deploy it with "
            "service_execute_command: true; tasks that run then have none until they are replaced."
        )
    if given.get("ReadonlyRootFilesystem") == "true":
        raise StackError(
            f"The file system of the service {service} is read-only, and the agent behind ECS Exec "
            "must write to it. Deploy it with service_readonly_root_filesystem: false, or copy it "
            "as another service to look into."
        )


def choose(service: Service, tasks: Sequence[Task], wanted: str) -> Task:
    """Return the task to go into: the one that is wanted, else the newest that can be entered.

    Args:
        service: which one.
        tasks: its tasks that run (DescribeTasks).
        wanted: how the task's id begins, "" for any.

    Raises: StackError with what is in the way of each.
    """
    if not tasks:
        raise StackError(
            f"No task of the service {service} runs. playbooks/status.yml says how many are "
            "wanted, playbooks/logs.yml what the last ones wrote."
        )
    named = [it for it in tasks if identity(it).startswith(wanted)]
    if not named:
        raise StackError(
            f"No task of {service} that runs is {wanted}. There are: "
            f"{', '.join(sorted(map(identity, tasks)))}."
        )
    hindrances = {identity(it): hindrance(it) for it in named}
    free = [it for it in named if not hindrances[identity(it)]]
    if wanted and len(named) > 1:
        raise StackError(
            f"More than one task of {service} begins with {wanted}: {', '.join(hindrances)}. Give "
            "the whole id."
        )
    if not free:
        said = "; ".join(f"{task}: {why}" for task, why in sorted(hindrances.items()))
        raise StackError(f"No shell can be opened in a task of {service} yet: {said}.")
    return max(free, key=lambda it: it.get("startedAt") or _LONGEST_AGO)


def hindrance(task: Task) -> str:
    """Return why no shell can be opened in a task that runs, "" if nothing hinders it."""
    if not task.get("enableExecuteCommand"):
        return (
            "it was started before ECS Exec was on; deploy the service with a change, such as "
            "another image, and ECS replaces it"
        )
    if task.get("lastStatus") != "RUNNING":
        return f"it is {task.get('lastStatus')}"
    agents = [
        agent
        for container in task.get("containers", [])
        if container.get("name") == CONTAINER
        for agent in container.get("managedAgents", [])
        if agent.get("name") == AGENT
    ]
    status = agents[0].get("lastStatus") if agents else "not there"
    if status == "RUNNING":
        return ""
    reason = f", {agents[0]['reason']}" if agents and agents[0].get("reason") else ""
    return f"its {AGENT} is {status}{reason}; ask again in a moment"


def refuse_readonly(task: Task, definition: Mapping[str, Any]) -> None:
    """Raise StackError if the container of a task can't be written to.

    Args:
        task: the one that was chosen.
        definition: its task definition (DescribeTaskDefinition).
    """
    containers = definition.get("containerDefinitions", [])
    app: Mapping[str, Any] = next((it for it in containers if it.get("name") == CONTAINER), {})
    if app.get("readonlyRootFilesystem"):
        raise StackError(
            f"The file system of task {identity(task)} is read-only, and the agent behind ECS Exec "
            "must write to it. Wait until the deployment that changes it is through."
        )


def refuse_missing(programs: Iterable[str]) -> None:
    """Raise StackError if a program isn't on the path of who would type the command."""
    missing = list(programs)
    if missing:
        raise StackError(
            f"The command needs {' and '.join(missing)}, not found on the path here. Install the "
            "AWS CLI and its Session Manager plugin, or give -e check_programs=false and type the "
            "command where they are."
        )


def typed(
    service: Service, task: str, command: str, region: str | None, profile: str | None
) -> str:
    """Return the command that opens the shell, quoted for a POSIX shell.

    Args:
        service: which one.
        task: id of the task.
        command: what runs in the container.
        region: of AWS.
        profile: of its configuration file, None for the environment's.
    """
    words = ["aws", "ecs", "execute-command", "--cluster", service.platform, "--task", task]
    words += ["--container", CONTAINER, "--interactive", "--command", command]
    words += ["--region", region] if region else []
    words += ["--profile", profile] if profile else []
    return shlex.join(words)


def identity(task: Task) -> str:
    """Return a task's id."""
    return str(task["taskArn"]).rpartition("/")[2]
