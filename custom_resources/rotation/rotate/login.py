"""What the rotated user does in the database: log in, look around, change its own password."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from psycopg2 import sql
from psycopg2.extensions import connection as Connection  # noqa: N812 - the class of psycopg2
from psycopg2.extensions import encrypt_password

from custom_resources.postgres.connection import LoginDenied
from custom_resources.postgres.locks import MAINTENANCE_DATABASE
from custom_resources.rotation.rotate.versions import Credentials
from custom_resources.shared import log
from custom_resources.shared.failure import Failure

# A default role would make the session another's (PostgreSQL documentation, ALTER ROLE ... SET). A
# function that Lambda froze or ended leaves a session behind: the server ends it after a minute, or
# its lock would keep deployments and rotations waiting for as long as TCP takes to notice.
_SETTINGS = "-c role=none -c idle_session_timeout=60000"


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
            connecting = credentials.server.connect(
                MAINTENANCE_DATABASE, credentials.username, credentials.password, options=_SETTINGS
            )
            try:
                connection = opened.enter_context(connecting)
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
    connecting = credentials.server.connect(
        MAINTENANCE_DATABASE, credentials.username, credentials.password, options=_SETTINGS
    )
    try:
        with connecting as connection, connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except LoginDenied:
        return False
    return True


def count_sessions(connection: Connection, username: str) -> int:
    """Number of a user's sessions on the server, other than those of Quayside's own functions.

    Source: PostgreSQL documentation, "pg_stat_activity"; everyone sees whose a session is.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE usename = %s AND application_name IS DISTINCT FROM"
            " current_setting('application_name')",
            (username,),
        )
        (number,) = cursor.fetchone()
    return int(number)


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
