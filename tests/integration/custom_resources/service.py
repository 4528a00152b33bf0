"""A service with its secrets and its database, as the tests of Custom::Database need one."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache, partial
from typing import Any

from custom_resources.database.convergence import Clients, Convergence
from custom_resources.database.decisions import DatabaseProperties
from local_aws.control import LocalAws
from tests.integration.custom_resources.postgres_servers import ADMIN, PostgresServer


@dataclass
class Service:
    """One service's secrets in Secrets Manager, and its properties of Custom::Database.

    Args:
        aws: where the secrets and the admin's password are.
        postgres: where the database is to be.
        name: of the database.
        stack_id: whose the resource is.
        prefix: of the secrets' names; by default the database's name.
        parameter: with the admin's password.
    """

    aws: LocalAws
    postgres: PostgresServer
    name: str
    stack_id: str
    prefix: str = ""
    parameter: str = ""
    secret_arns: dict[str, str] = field(default_factory=dict)
    passwords: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.parameter = self.parameter or f"/{self.name}/admin-password"
        self.put_admin_password(self.postgres.admin_password)
        for colour in ("blue", "green"):
            self.passwords[colour] = new_password()
            created = self.secretsmanager.create_secret(
                Name=f"{self.prefix or self.name}/{colour}",
                SecretString=self.secret(colour, self.passwords[colour]),
            )
            self.secret_arns[colour] = created["ARN"]

    @property
    def secretsmanager(self) -> Any:
        return client(self.aws, "secretsmanager")

    @property
    def blue(self) -> dict[str, object]:
        """Properties with the blue user alone."""
        return {
            "Host": self.postgres.host,
            "Port": str(self.postgres.port),
            "AdminUsername": ADMIN,
            "AdminPasswordParameter": self.parameter,
            "Database": self.name,
            "BlueSecretArn": self.secret_arns["blue"],
            "GreenSecretArn": "",
            "ActiveUser": "blue",
            "Extensions": [""],
            "DeletionPolicy": "Retain",
        }

    @property
    def both(self) -> dict[str, object]:
        """Properties with both users."""
        return self.blue | {"GreenSecretArn": self.secret_arns["green"]}

    def secret(self, colour: str, password: str) -> str:
        server = {"host": self.postgres.host, "port": self.postgres.port}
        return json.dumps({"username": self.user(colour), "password": password, **server})

    def user(self, colour: str) -> str:
        return f"{self.name}_{colour}"

    def put_admin_password(self, password: str) -> None:
        client(self.aws, "ssm").put_parameter(
            Name=self.parameter, Value=password, Type="SecureString", Overwrite=True
        )

    def put_secret(self, colour: str, password: str, *stages: str) -> str:
        """Put another version of a secret; returns its id."""
        answer = self.secretsmanager.put_secret_value(
            SecretId=self.secret_arns[colour],
            SecretString=self.secret(colour, password),
            VersionStages=list(stages or ["AWSCURRENT"]),
        )
        return str(answer["VersionId"])

    def set_in_database(self, colour: str, password: str) -> None:
        """Give a user another password behind the function's back."""
        self.postgres.query(f"ALTER ROLE {self.user(colour)} PASSWORD %s", password)

    def run(self, colour: str, statement: str, *, password: str = "") -> list[tuple[Any, ...]]:
        """Run a statement as one of the users."""
        password = password or self.passwords[colour]
        return self.postgres.query_as(self.user(colour), password, self.name, statement)

    def convergence(
        self,
        properties: dict[str, object],
        clients: Callable[[str], Any] | None = None,
        seconds: float = 60,
    ) -> Convergence:
        """What the function would run for these properties."""
        of = clients or partial(client, self.aws)
        return Convergence(
            DatabaseProperties.of(properties),
            self.stack_id,
            "Database",
            Clients(of("ssm"), of("secretsmanager"), of("cloudformation")),
            time.monotonic() + seconds,
        )


@cache
def client(aws: LocalAws, service: str) -> Any:
    """A boto3 client, made once: that takes longer than most of its calls."""
    return aws.client(service)


def new_password() -> str:
    """A password that stands out in any text that it shows up in."""
    return f"CANARY{secrets.token_hex(12)}"
