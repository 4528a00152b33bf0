"""The user that is rotated: the versions of its secret, its logins, and its new password."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError
from psycopg2 import sql
from psycopg2.extensions import connection as Connection  # noqa: N812 - the class of psycopg2
from psycopg2.extensions import encrypt_password

from custom_resources.contract.labels import CURRENT, PENDING, PREVIOUS, Labels
from custom_resources.postgres.connection import LoginDenied, Server
from custom_resources.postgres.locks import MAINTENANCE_DATABASE
from custom_resources.rotation.labels import move_label
from custom_resources.shared import aws, log
from custom_resources.shared.failure import Failure

_PASSWORD_LENGTH = 32
# A default role would make the session another's (PostgreSQL documentation, ALTER ROLE ... SET). A
# function that Lambda froze or ended leaves a session behind: the server ends it after a minute, or
# its lock would keep deployments and rotations waiting for as long as TCP takes to notice.
_SETTINGS = "-c role=none -c idle_session_timeout=60000"


@dataclass(frozen=True)
class Credentials:
    """A login as one version of a secret has it.

    Args:
        server: where the user logs in.
        username: PostgreSQL's name of the role.
        password: never shown.
        content: the version's whole JSON object.
    """

    server: Server
    username: str
    password: str = field(repr=False)
    content: dict[str, Any] = field(repr=False)

    @classmethod
    def read(cls, secret_name: str, text: str) -> Credentials:
        """The login in a secret's text.

        Args:
            secret_name: for the error.
            text: JSON with host, port, username and password.
        Raises:
            Failure: the text has another form; it isn't quoted.
        """
        try:
            content = json.loads(text)
            server = Server(str(content["host"]), int(content["port"]))
            username, password = content["username"], content["password"]
            valid = all(isinstance(it, str) and it for it in (username, password, server.host))
        except (ValueError, TypeError, KeyError):
            valid = False
        if not valid:
            raise Failure(
                f"The secret {secret_name} is not a JSON object with host, port, username and "
                "password.",
                "Let the service's template make and attach it.",
            )
        log.confide(password)
        return cls(server, username, password, content)

    def is_same_user(self, other: Credentials) -> bool:
        """Whether another version is about the same user of the same server."""
        return (self.server, self.username) == (other.server, other.username)

    def connect(self) -> AbstractContextManager[Connection]:
        """A connection as this user; its beginning raises LoginDenied if they aren't taken."""
        return self.server.connect(
            MAINTENANCE_DATABASE, self.username, self.password, options=_SETTINGS
        )

    def with_password(self, password: str) -> Credentials:
        """The same login with another password."""
        log.confide(password)
        content = self.content | {"password": password}
        return Credentials(self.server, self.username, password, content)


@dataclass(frozen=True)
class Versions:
    """The versions of one secret.

    Args:
        secretsmanager: boto3 client.
        secret_id: ARN.
        name: of the secret.
    """

    secretsmanager: Any
    secret_id: str
    name: str

    def labels(self) -> Labels:
        """The staging labels of every version that has one, by the version's id."""
        described = self.secretsmanager.describe_secret(SecretId=self.secret_id)
        labels: Labels = described.get("VersionIdsToStages", {})
        return labels

    def value(self, version: str) -> Credentials | None:
        """A version's value; None without one, or without such a version."""
        return self._value(VersionId=version)

    def current(self) -> Credentials:
        """The value of AWSCURRENT.

        Raises:
            Failure: there is none.
        """
        credentials = self._value(VersionStage=CURRENT)
        if credentials is None:
            raise Failure(
                f"The secret {self.name} has no value with the label {CURRENT}.",
                "Deploy the stack that makes it first.",
            )
        return credentials

    def previous(self, current: Credentials) -> Credentials | None:
        """The login of AWSCURRENT with the password of AWSPREVIOUS; None without one.

        Where the server is doesn't count: the version before the secret was attached to its
        cluster doesn't say, and the one before a restore says another.

        Source: CloudFormation reference, SecretTargetAttachment: it adds host and port to what the
        secret held when it was made, which is the previous version from then on.
        """
        text = self._text(VersionStage=PREVIOUS)
        try:
            content = json.loads(text or "")
            if content["username"] != current.username:
                return None
            return current.with_password(content["password"])
        except (ValueError, TypeError, KeyError):
            return None

    def put_pending(self, version: str) -> bool:
        """Give a version AWSCURRENT's value with a new random password, and the label AWSPENDING.

        Such passwords are letters and digits, as those of AWS's own rotation functions.

        Returns:
            False if the version has a value already: by an earlier attempt, or one beside this.

        Source: Secrets Manager API reference, PutSecretValue: a version's value can't be changed,
        so it refuses another one for the same token.
        """
        current = self.current()
        answer = self.secretsmanager.get_random_password(
            PasswordLength=_PASSWORD_LENGTH, ExcludePunctuation=True
        )
        pending = current.with_password(answer["RandomPassword"])
        try:
            self.secretsmanager.put_secret_value(
                SecretId=self.secret_id,
                ClientRequestToken=version,
                SecretString=json.dumps(pending.content),
                VersionStages=[PENDING],
            )
        except ClientError as error:
            # GetSecretValue's answer, which said that there is none, may have been a moment old.
            if aws.code(error) == "ResourceExistsException":
                return False
            raise
        return True

    def move(self, label: str, version: str) -> None:
        """Move a label to a version; it may be there already."""
        move_label(self.secretsmanager, self.secret_id, self.labels(), label, version)

    def unstage(self, version: str) -> None:
        """Take AWSPENDING from a version, which must have no value."""
        self.secretsmanager.update_secret_version_stage(
            SecretId=self.secret_id, VersionStage=PENDING, RemoveFromVersionId=version
        )

    def _value(self, **which: str) -> Credentials | None:
        text = self._text(**which)
        return None if text is None else Credentials.read(self.name, text)

    def _text(self, **which: str) -> str | None:
        try:
            answer = self.secretsmanager.get_secret_value(SecretId=self.secret_id, **which)
        except ClientError as error:
            # Also of a version that has a label and no value, as RotateSecret makes it.
            if aws.code(error) == "ResourceNotFoundException":
                return None
            raise
        return str(answer.get("SecretString", ""))


@contextmanager
def logged_in(
    secret_name: str, *candidates: Credentials | None
) -> Iterator[tuple[Connection, Credentials]]:
    """A connection with the first credentials that the server takes, and those.

    Args:
        secret_name: for the error.
        candidates: in the order to be tried; None is left out.
    Raises:
        Failure: it takes none of them.
        psycopg2.OperationalError: anything else that is in the way.
    """
    for credentials in filter(None, candidates):
        with ExitStack() as opened:
            try:
                connection = opened.enter_context(credentials.connect())
            except LoginDenied:
                continue
            yield connection, credentials
            return
    raise Failure(
        f"The database takes none of the passwords in the secret {secret_name}.",
        "Make database and secret agree (repair.yml), then rotate it again.",
    )


def can_log_in(credentials: Credentials) -> bool:
    """Whether the server takes these credentials."""
    try:
        with credentials.connect() as connection, connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except LoginDenied:
        return False
    return True


def set_password(connection: Connection, credentials: Credentials) -> None:
    """Set the password of the user that is logged in.

    The server gets a verifier alone: a plain password would stand in its log.
    """
    verifier = encrypt_password(
        credentials.password, credentials.username, scope=connection, algorithm="scram-sha-256"
    )
    statement = sql.SQL("ALTER ROLE {} PASSWORD %s").format(sql.Identifier(credentials.username))
    with connection.cursor() as cursor:
        cursor.execute(statement, (log.confide(verifier),))
