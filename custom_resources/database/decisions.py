"""What a service's database is to look like, and what to do about it. No calls."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import Enum

from custom_resources.contract.labels import CURRENT
from custom_resources.contract.names import USERS
from custom_resources.database.limits import Limits
from custom_resources.shared.failure import Failure
from custom_resources.shared.properties import Properties

# A name has 63 bytes at most (PostgreSQL documentation, "Identifiers and Key Words").
_NAME = r"[a-z_][a-z0-9_]{0,62}"
_OWNER_SUFFIX = "_owner"
_DATABASE = (
    rf"(?!pg_|rds|(postgres|template0|template1)$)[a-z][a-z0-9_]{{0,{62 - len(_OWNER_SUFFIX)}}}"
)
_MARK = "quayside "


@dataclass(frozen=True)
class DatabaseProperties:
    """Properties of Custom::Database.

    Args:
        host: of the cluster's writer.
        port: of the cluster.
        admin_username: a user that may create databases and roles.
        admin_password_parameter: name of the SSM parameter with that user's password.
        database: name of the service's database.
        secret_arns: Secrets Manager secrets of the users, by colour: blue, and green if there is.
        active_user: blue or green.
        extensions: names of PostgreSQL extensions.
        deletion_policy: Retain or Drop.
        repair: how often database and users were repaired; a greater number is another repair.
        gives_ownership: whether a repair gives to the owner role what belongs to others.
        limits: of each login user.
    """

    host: str
    port: int
    admin_username: str
    admin_password_parameter: str
    database: str
    secret_arns: Mapping[str, str]
    active_user: str
    extensions: tuple[str, ...]
    deletion_policy: str
    repair: int
    gives_ownership: bool
    limits: Limits

    @property
    def owner(self) -> str:
        """The role that owns the database and everything in it."""
        return self.database + _OWNER_SUFFIX

    @classmethod
    def of(cls, given: Mapping[str, object]) -> DatabaseProperties:
        """Check the properties.

        Args:
            given: `ResourceProperties` as CloudFormation sends them.
        Raises:
            Failure: naming the property that is wrong.
        """
        known = (
            "Host Port AdminUsername AdminPasswordParameter Database BlueSecretArn GreenSecretArn "
            "ActiveUser Extensions DeletionPolicy Repair RepairOwnership Cluster "
            "StatementTimeoutSeconds ConnectionLimit"
        )
        properties = Properties(given, known.split())
        arn = {"pattern": r"arn:\S{1,2048}", "form": "the ARN of a secret"}
        green = properties.text("GreenSecretArn", default="", **arn)
        secret_arns = {"blue": properties.text("BlueSecretArn", **arn)}
        if green:
            secret_arns["green"] = green
        return cls(
            host=properties.text("Host", pattern=r"[A-Za-z0-9.:-]{1,255}", form="a host name"),
            port=properties.number("Port", low=1, high=65535, default=5432),
            admin_username=properties.text(
                "AdminUsername", pattern=r"[A-Za-z_][A-Za-z0-9_]{0,62}", form="a role's name"
            ),
            admin_password_parameter=properties.text(
                "AdminPasswordParameter", pattern=r"[A-Za-z0-9_./-]+", form="a parameter's name"
            ),
            database=properties.text(
                "Database",
                pattern=_DATABASE,
                form="a name of at most 57 lower case letters, digits and _, and none of "
                "PostgreSQL's or RDS's own",
            ),
            secret_arns=secret_arns,
            active_user=_active_user(properties, secret_arns),
            extensions=properties.texts(
                "Extensions",
                pattern=r"[a-z][a-z0-9_-]{0,62}",
                form="an extension's name, such as pgcrypto",
            ),
            deletion_policy=properties.choice(
                "DeletionPolicy", ["Retain", "Drop"], default="Retain"
            ),
            repair=properties.number("Repair", low=0, high=999_999_999, default=0),
            gives_ownership=properties.choice("RepairOwnership", ["true", "false"], default="false")
            == "true",
            limits=Limits.of(properties),
        )


@dataclass(frozen=True)
class Mark:
    """The comment on a role that says which custom resource it belongs to.

    Args:
        stack_id: ARN of the stack; empty once the resource was deleted and the data kept.
        logical_id: the resource's name in the template.
        host: of the server; a copy restored from a snapshot has another.
    """

    stack_id: str
    logical_id: str
    host: str

    def __str__(self) -> str:
        return _MARK + json.dumps(asdict(self))

    @classmethod
    def read(cls, comment: str | None) -> Mark | None:
        """The mark in a comment, or None if there is none."""
        if not comment or not comment.startswith(_MARK):
            return None
        try:
            return cls(**json.loads(comment.removeprefix(_MARK)))
        except (ValueError, TypeError):
            return None

    def rival_of(self, other: Mark) -> bool:
        """Whether the other resource, if its stack still exists, has the better claim."""
        if other.host != self.host or not other.stack_id:
            return False
        return other.stack_id != self.stack_id


@dataclass(frozen=True)
class User:
    """A login user as one version of its secret has it.

    Args:
        name: PostgreSQL's name of the role.
        password: never shown.
    """

    name: str
    password: str = field(repr=False)

    @classmethod
    def read(cls, secret_arn: str, text: str) -> User:
        """The user in a secret's text.

        Args:
            secret_arn: for the error.
            text: JSON with username and password.
        Raises:
            Failure: the text has another form; it isn't quoted.
        """
        try:
            content = json.loads(text)
            user = cls(content["username"], content["password"])
            valid = bool(user.name and user.password and user.password.isprintable())
        except (ValueError, TypeError, KeyError, AttributeError):
            valid = False
        if not valid:
            raise Failure(
                f"The secret {secret_arn} is not a JSON object with username and password.",
                "Give it such a value, or its label AWSCURRENT back to the version before.",
            )
        check_user_name(user.name, secret_arn)
        return user


def check_user_name(name: str, secret_arn: str) -> None:
    """Refuse a user name that is the system's own or no plain name.

    Raises:
        Failure: naming the secret.
    """
    if not re.fullmatch(_NAME, name) or name.startswith(("pg_", "rds")) or name == "postgres":
        raise Failure(
            f"The secret {secret_arn} has the username {name!r}.",
            "It must be at most 63 lower case letters, digits and _, and none of the system's own.",
        )


class Verdict(Enum):
    """What to do about a user after its logins were tried."""

    ACCEPT = "accept"
    RESET = "reset"
    WAIT = "wait"


def verdict(working_stage: str | None, *, active: bool) -> Verdict:
    """What to do about a user on Update.

    A user for whom no stage works is reset. The active user must log in with AWSCURRENT, which is
    what ECS hands to new tasks; if only another stage works, a rotation is under way, or a person
    has put a value by hand. An idle user in that state is the rotation's business.

    Args:
        working_stage: the first staging label whose password the database takes, or None.
        active: whether the service is to run as this user.
    """
    if working_stage is None:
        return Verdict.RESET
    if working_stage == CURRENT or not active:
        return Verdict.ACCEPT
    return Verdict.WAIT


def _active_user(properties: Properties, secret_arns: Mapping[str, str]) -> str:
    active_user = properties.choice("ActiveUser", USERS, default="blue")
    if active_user not in secret_arns:
        raise Failure(
            "Property ActiveUser is green, but GreenSecretArn is empty.",
            "Give the service its green user (DatabaseUsers blue-green), or make blue active.",
        )
    return active_user
