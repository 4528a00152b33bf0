"""A service with two database users, its stack and its ECS service, as a rotation meets them."""

from __future__ import annotations

import datetime
import json
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

import psycopg2

from custom_resources.database.convergence import Clients as DatabaseClients
from custom_resources.database.convergence import Convergence
from custom_resources.database.decisions import DatabaseProperties
from custom_resources.rotation.activate import function as activate
from custom_resources.rotation.activate.secret import Clients as ActivateClients
from custom_resources.rotation.rotate import function as rotate
from local_aws.control import LocalAws
from tests.integration.custom_resources.postgres_servers import ADMIN, PostgresServer
from tests.integration.custom_resources.service import client, new_password

PLATFORM = "rotated"
STEPS = ("createSecret", "setSecret", "testSecret", "finishSecret")
Of = Callable[[str], Any]


def eventually(question: Callable[[], Any], what: str) -> Any:
    """Ask until the answer is true, and return it."""
    for _ in range(1200):
        answer = question()
        if answer:
            return answer
        time.sleep(0.05)
    raise AssertionError(f"it did not come to pass: {what}")


def template() -> dict[str, Any]:
    """A service stack: what of the real one the functions look at."""
    secret = {"Fn::If": ["Green", {"Ref": "GreenArn"}, {"Ref": "BlueArn"}]}
    strings = ["ActiveUser", "Count", "Image", "BlueArn", "GreenArn", "CrashAs", "LingerSeconds"]
    strings += ["RotationFunctionArn"]
    return {
        "Parameters": {name: {"Type": "String", "Default": ""} for name in strings}
        | {"Hidden": {"Type": "String", "NoEcho": True, "Default": "x"}},
        "Conditions": {
            "Green": {"Fn::Equals": [{"Ref": "ActiveUser"}, "green"]},
            "Rotates": {"Fn::Not": [{"Fn::Equals": [{"Ref": "RotationFunctionArn"}, ""]}]},
        },
        "Resources": {
            "TaskDefinition": {
                "Type": "AWS::ECS::TaskDefinition",
                "Properties": {
                    "Family": {"Ref": "AWS::StackName"},
                    "RequiresCompatibilities": ["FARGATE"],
                    "NetworkMode": "awsvpc",
                    "Cpu": "256",
                    "Memory": "512",
                    "ContainerDefinitions": [
                        {
                            "Name": "app",
                            "Image": {"Ref": "Image"},
                            "Environment": [
                                {"Name": "DB_ACTIVE_USER", "Value": {"Ref": "ActiveUser"}},
                                {"Name": "CRASH_AS", "Value": {"Ref": "CrashAs"}},
                                {"Name": "LINGER_SECONDS", "Value": {"Ref": "LingerSeconds"}},
                            ],
                            "Secrets": [
                                {
                                    "Name": "DB_PASSWORD",
                                    "ValueFrom": {
                                        "Fn::Sub": ["${Secret}:password::", {"Secret": secret}]
                                    },
                                }
                            ],
                        }
                    ],
                },
            },
            "GreenRotation": {
                "Type": "AWS::SecretsManager::RotationSchedule",
                "Condition": "Rotates",
                "Properties": {
                    "SecretId": {"Ref": "GreenArn"},
                    "RotationLambdaARN": {"Ref": "RotationFunctionArn"},
                    "RotateImmediatelyOnUpdate": False,
                    "RotationRules": {"ScheduleExpression": "cron(0 3 15 * ? *)"},
                },
            },
            "Service": {
                "Type": "AWS::ECS::Service",
                "Properties": {
                    "ServiceName": {"Fn::Select": [2, {"Fn::Split": ["-", NAME]}]},
                    "Cluster": PLATFORM,
                    "LaunchType": "FARGATE",
                    "DesiredCount": {"Ref": "Count"},
                    "TaskDefinition": {"Ref": "TaskDefinition"},
                    "DeploymentConfiguration": {
                        "MaximumPercent": 200,
                        "MinimumHealthyPercent": 100,
                        "DeploymentCircuitBreaker": {"Enable": True, "Rollback": True},
                        "EarlySuccessCriteria": {
                            "Enable": True,
                            "HealthyPercent": 100,
                            "SourceServiceRevisionCleanup": "DEFERRED",
                        },
                    },
                },
            },
        },
    }


NAME = {"Ref": "AWS::StackName"}


@dataclass
class RotatedService:
    """One service.

    Args:
        aws: where its secrets, stack and tasks are.
        postgres: where its database is.
        name: of the service and of its database.
        image: of its tasks.
        role: CloudFormation's service role; empty for none.
        function: a rotation function that does nothing.
    """

    aws: LocalAws
    postgres: PostgresServer
    name: str
    image: str
    role: str
    function: str
    secret_arns: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for colour in ("blue", "green"):
            created = self.secretsmanager.create_secret(
                Name=self.secret_name(colour), SecretString=self.text(colour, new_password())
            )
            self.secret_arns[colour] = created["ARN"]

    # --- The stack ---

    @property
    def stack_name(self) -> str:
        return f"{PLATFORM}-service-{self.name}"

    def deploy(self, *, wait: bool = True, **parameters: str) -> None:
        """Create the stack, or change parameters and keep the others."""
        exists = self.stack is not None
        given = parameters if exists else self._first() | parameters
        kept = set(self.parameters) - set(given) if exists else set()
        request = {
            "StackName": self.stack_name,
            "Parameters": [
                {"ParameterKey": key, "ParameterValue": value} for key, value in given.items()
            ]
            + [{"ParameterKey": key, "UsePreviousValue": True} for key in kept],
            "Capabilities": ["CAPABILITY_IAM"],
        } | ({"RoleARN": self.role} if self.role else {})
        if exists:
            self.cloudformation.update_stack(UsePreviousTemplate=True, **request)
        else:
            self.cloudformation.create_stack(TemplateBody=json.dumps(template()), **request)
        if wait:
            self.settle()

    def _first(self) -> dict[str, str]:
        return {
            "ActiveUser": "blue",
            "Count": "0",
            "Image": self.image,
            "BlueArn": self.secret_arns["blue"],
            "GreenArn": self.secret_arns["green"],
            "Hidden": "of the user",
        }

    def settle(self) -> str:
        """Wait until the stack is steady; return its status."""

        def steady() -> str:
            status = str((self.stack or {}).get("StackStatus", ""))
            return "" if status.endswith("_IN_PROGRESS") else status

        return str(eventually(steady, "a steady stack"))

    @property
    def stack(self) -> dict[str, Any] | None:
        try:
            stacks = self.cloudformation.describe_stacks(StackName=self.stack_name)["Stacks"]
        except self.cloudformation.exceptions.ClientError:
            return None
        return dict(stacks[0])

    @property
    def parameters(self) -> dict[str, str]:
        stack = self.stack or {}
        return {it["ParameterKey"]: it["ParameterValue"] for it in stack["Parameters"]}

    def tasks(self) -> list[dict[str, Any]]:
        """The service's tasks that are not STOPPED."""
        arns = [
            arn
            for desired in ("RUNNING", "STOPPED")
            for arn in self.ecs.list_tasks(
                cluster=PLATFORM, family=self.stack_name, desiredStatus=desired
            )["taskArns"]
        ]
        if not arns:
            return []
        found = self.ecs.describe_tasks(cluster=PLATFORM, tasks=arns)["tasks"]
        return [task for task in found if task["lastStatus"] != "STOPPED"]

    # --- The database ---

    def make_database(self) -> None:
        """Make database and users, as Custom::Database does."""
        self.converge("blue", create=True)

    def converge(self, active_user: str, *, create: bool = False) -> None:
        """Do what Custom::Database does in a deployment with this ActiveUser."""
        parameter = f"/{self.name}/admin-password"
        client(self.aws, "ssm").put_parameter(
            Name=parameter,
            Value=self.postgres.admin_password,
            Type="SecureString",
            Overwrite=True,
        )
        properties = {
            "Host": self.postgres.host,
            "Port": str(self.postgres.port),
            "AdminUsername": ADMIN,
            "AdminPasswordParameter": parameter,
            "Database": self.name,
            "BlueSecretArn": self.secret_arns["blue"],
            "GreenSecretArn": self.secret_arns["green"],
            "ActiveUser": active_user,
        }
        clients = DatabaseClients(client(self.aws, "ssm"), self.secretsmanager, self.cloudformation)
        work = Convergence(
            DatabaseProperties.of(properties),
            f"stack/{self.name}/1",
            "Database",
            clients,
            time.monotonic() + 60,
        )
        (work.create if create else work.update)()

    def user(self, colour: str) -> str:
        return f"{self.name}_{colour}"

    def logs_in(self, colour: str, stage: str = "AWSCURRENT") -> bool:
        """Whether the database takes a user's password of a stage."""
        value = self.value(colour, stage)
        return value is not None and self.takes(value)

    def takes(self, value: dict[str, Any]) -> bool:
        try:
            with closing(self.postgres.connect(value["username"], value["password"], "postgres")):
                return True
        except psycopg2.OperationalError as error:
            if "password authentication failed" not in str(error):
                raise
            return False

    def verifiers(self) -> dict[str, str]:
        """What the database knows of both passwords."""
        rows = self.postgres.query(
            "SELECT rolname, rolpassword FROM pg_authid WHERE rolname LIKE %s", f"{self.name}_%"
        )
        return {str(name): str(verifier) for name, verifier in rows}

    # --- The secrets ---

    def secret_name(self, colour: str) -> str:
        return f"{PLATFORM}/{self.name}/db/{colour}"

    def text(self, colour: str, password: str) -> str:
        return json.dumps(
            {
                "username": self.user(colour),
                "password": password,
                "engine": "postgres",
                "host": self.postgres.host,
                "port": self.postgres.port,
            }
        )

    def value(self, colour: str, stage: str = "AWSCURRENT") -> dict[str, Any] | None:
        try:
            answer = self.secretsmanager.get_secret_value(
                SecretId=self.secret_name(colour), VersionStage=stage
            )
        except self.secretsmanager.exceptions.ResourceNotFoundException:
            return None
        return dict(json.loads(answer["SecretString"]))

    def labels(self, colour: str) -> dict[str, str]:
        """The version that each label is on."""
        described = self.secretsmanager.describe_secret(SecretId=self.secret_name(colour))
        return {
            label: version
            for version, labels in described["VersionIdsToStages"].items()
            for label in labels
        }

    def put(self, colour: str, password: str, *labels: str) -> str:
        answer = self.secretsmanager.put_secret_value(
            SecretId=self.secret_name(colour),
            SecretString=self.text(colour, password),
            VersionStages=list(labels or ["AWSCURRENT"]),
        )
        return str(answer["VersionId"])

    # --- The functions ---

    def begin(self, colour: str) -> str:
        """Stage a version without a value, as RotateSecret does; returns its id."""
        answer = self.secretsmanager.rotate_secret(
            SecretId=self.secret_name(colour), RotationLambdaARN=self.function
        )
        return str(answer["VersionId"])

    def step(
        self, step: str, colour: str, version: str, of: Of | None = None, patience: float = 0
    ) -> str:
        """Do one step, with so many seconds for a database that is away; returns its outcome."""
        of = of or (lambda name: client(self.aws, name))
        clients = rotate.Clients(of("secretsmanager"), of("cloudformation"), of("ecs"))
        event = {
            "Step": step,
            "SecretId": self.secret_arns[colour],
            "ClientRequestToken": version,
        }
        return rotate.run(event, clients, time.monotonic() + patience)

    def steps(self, colour: str, version: str, of: Of | None = None) -> None:
        """Do all four."""
        for step in STEPS:
            self.step(step, colour, version, of)

    def rotate(self, colour: str) -> str:
        """Rotate; returns the new version's id."""
        version = self.begin(colour)
        self.steps(colour, version)
        return version

    def rotate_without_our_label(self, colour: str) -> str:
        """Rotate as a function does that knows Secrets Manager's own labels only."""
        version = self.begin(colour)
        for step in STEPS[:-1]:
            self.step(step, colour, version)
        self.secretsmanager.update_secret_version_stage(
            SecretId=self.secret_name(colour),
            VersionStage="AWSCURRENT",
            MoveToVersionId=version,
            RemoveFromVersionId=self.labels(colour)["AWSCURRENT"],
        )
        return version

    def message(self, colour: str, version: str) -> dict[str, Any]:
        """The event of the queue about a finished rotation."""
        body = {
            "source": "aws.secretsmanager",
            "detail-type": "Secret Label Updated",
            "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "resources": [self.secret_arns[colour]],
            "detail": {
                "name": self.secret_name(colour),
                "labelUpdated": "ROTATED",
                "versionId": version,
            },
        }
        return {"Records": [{"messageId": "m1", "body": json.dumps(body)}]}

    def activate(self, message: dict[str, Any], of: Of | None = None) -> bool:
        """Hand a message to the function; whether the queue may forget it."""
        answer = activate.run(
            message, self.activate_clients(of), datetime.datetime.now(datetime.UTC)
        )
        return not answer["batchItemFailures"]

    def activate_clients(self, of: Of | None = None) -> ActivateClients:
        of = of or (lambda name: client(self.aws, name))
        return ActivateClients(of("secretsmanager"), of("cloudformation"))

    @property
    def secretsmanager(self) -> Any:
        return client(self.aws, "secretsmanager")

    @property
    def cloudformation(self) -> Any:
        return client(self.aws, "cloudformation")

    @property
    def ecs(self) -> Any:
        return client(self.aws, "ecs")
