"""A service with two database users, as people and AWS see its rotation."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg2
from psycopg2.extensions import connection

from local_aws.storage import SUPERUSER
from tests.e2e.platform import Platform
from tests.e2e.test_databases import connect

OTHER = {"blue": "green", "green": "blue"}
PATIENCE = 60  # seconds
SETTLED = 3  # seconds after a deployment; the tests' platform forbids rotations for two


class Rotating:
    """A service with two tasks, whose users are rotated."""

    def __init__(self, platform: Platform, name: str, image: str, **variables: Any) -> None:
        self.platform, self.name, self.stack_name = platform, name, f"shop-service-{name}"
        self.variables = platform.service(name, image, service_desired_count=2) | variables
        self.secrets = platform.aws.client("secretsmanager")

    def deploy(self, **variables: Any) -> str:
        """Run the service's playbook, and wait until it may be rotated; return its output."""
        output = self.platform.play("playbooks/service.yml", **self.variables | variables)
        time.sleep(SETTLED)
        return output

    @property
    def stack(self) -> dict[str, Any]:
        """The stack, as CloudFormation describes it."""
        described = self.platform.aws.client("cloudformation").describe_stacks(
            StackName=self.stack_name
        )
        return dict(described["Stacks"][0])

    @property
    def active(self) -> str:
        """The active user."""
        return self.platform.outputs(self.stack_name)["ActiveUser"]

    @property
    def idle(self) -> str:
        """The other one."""
        return OTHER[self.active]

    def secret(self, user: str) -> str:
        """Name of a user's secret."""
        return f"shop/{self.name}/db/{user}"

    def connect(self, user: str) -> connection:
        """Log in as a user with what its secret holds."""
        return connect(self.platform, self.name, user, self.name)

    def password(self, user: str) -> str:
        """A user's password."""
        self.platform.aws.settle()
        value = self.secrets.get_secret_value(SecretId=self.secret(user))["SecretString"]
        return str(json.loads(value)["password"])

    def labels(self, user: str) -> dict[str, str]:
        """Staging labels of a user's secret, with their versions."""
        self.platform.aws.settle()
        stages = self.secrets.describe_secret(SecretId=self.secret(user))["VersionIdsToStages"]
        return {label: version for version, labels in stages.items() for label in labels}

    def verifiers(self) -> list[tuple[str, str]]:
        """What the database keeps of both users' passwords; its superuser alone may see that."""
        outputs = self.platform.outputs("shop-rds")
        storage = Path((self.platform.aws.directory / "databases.path").read_text())
        with (
            closing(
                psycopg2.connect(
                    host=outputs["DatabaseHost"],
                    port=outputs["DatabasePort"],
                    user=SUPERUSER,
                    password=(storage / SUPERUSER).read_text(),
                    dbname="postgres",
                    sslmode="require",
                )
            ) as opened,
            opened.cursor() as cursor,
        ):
            cursor.execute(
                "SELECT rolname, rolpassword FROM pg_authid"
                " WHERE rolname IN (%s, %s) ORDER BY rolname",
                (f"{self.name}_blue", f"{self.name}_green"),
            )
            return list(cursor.fetchall())

    def rotate(self) -> str:
        """Tell Secrets Manager to rotate the idle user; return who that is."""
        user = self.idle
        self.secrets.rotate_secret(SecretId=self.secret(user))
        return user

    def go_on(self, user: str, version: str) -> None:
        """Go on with a rotation that was refused, and wait until the service is with its user."""
        while self.labels(user).get("ROTATED") != version:
            self.secrets.rotate_secret(SecretId=self.secret(user), ClientRequestToken=version)
            time.sleep(1)
        self.wait_for(user)

    def task_users(self) -> set[str]:
        """The users in the task definitions of all tasks that aren't stopped."""
        ecs = self.platform.aws.client("ecs")
        arns = [
            arn
            for desired in ("RUNNING", "STOPPED")
            for arn in ecs.list_tasks(
                cluster="shop", family=f"shop-{self.name}", desiredStatus=desired
            )["taskArns"]
        ]
        tasks = ecs.describe_tasks(cluster="shop", tasks=arns)["tasks"] if arns else []
        found = set()
        for task in tasks:
            if task["lastStatus"] != "STOPPED":
                definition = ecs.describe_task_definition(taskDefinition=task["taskDefinitionArn"])
                (container,) = definition["taskDefinition"]["containerDefinitions"]
                environment = {it["name"]: it["value"] for it in container["environment"]}
                found.add(environment["DB_ACTIVE_USER"])
        return found

    def wait_for(self, user: str) -> None:
        """Wait until the stack is stable with a user, and no task has another."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            stable = not str(self.stack["StackStatus"]).endswith("_IN_PROGRESS")
            if stable and self.active == user and self.task_users() == {user}:
                time.sleep(SETTLED)
                return
            time.sleep(0.2)
        raise AssertionError(
            f"{self.name} is not with {user} after {PATIENCE} s: {self.stack['StackStatus']}, "
            f"{self.active}, tasks {self.task_users()}\n{self.logs()}"
        )

    @property
    def parameter(self) -> str:
        """The active user as it is published for people and tools."""
        name = f"/shop/{self.name}/db/active-user"
        answer = self.platform.aws.client("ssm").get_parameter(Name=name)
        return str(answer["Parameter"]["Value"])

    def rings(self, alarm: str) -> bool:
        """Whether an alarm comes on within the time that one has patience."""
        return self._gets_to(alarm, "ALARM")

    def falls_silent(self, alarm: str) -> bool:
        """Whether an alarm goes off within that time."""
        return self._gets_to(alarm, "OK")

    def _gets_to(self, alarm: str, state: str) -> bool:
        cloudwatch = self.platform.aws.client("cloudwatch")
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            (found,) = cloudwatch.describe_alarms(AlarmNames=[alarm])["MetricAlarms"]
            if found["StateValue"] == state:
                return True
            time.sleep(0.2)
        return False

    def said(self, function: str, version: str) -> list[dict[str, str]]:
        """What a function said about a version, oldest first."""
        pages = (
            self.platform.aws.client("logs")
            .get_paginator("filter_log_events")
            .paginate(
                logGroupName=f"/aws/lambda/shop-{function}",
                filterPattern=f'"{version}"',
            )
        )
        lines = [json.loads(event["message"]) for page in pages for event in page["events"]]
        return [line["message"] for line in lines]

    def eventually(self, question: Callable[[], Any], what: str) -> Any:
        """Ask until the answer is true, and return it."""
        end = time.monotonic() + PATIENCE
        while not (answer := question()):
            assert time.monotonic() < end, f"after {PATIENCE} s not so: {what}\n{self.logs()}"
            time.sleep(0.1)
        return answer

    def logs(self) -> str:
        """What both functions said."""
        logs = self.platform.aws.client("logs")
        lines = []
        for function in ("rotate", "activate"):
            events = logs.filter_log_events(logGroupName=f"/aws/lambda/shop-{function}")["events"]
            lines += [event["message"] for event in events]
        return "\n".join(lines)
