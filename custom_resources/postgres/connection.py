"""Connections to PostgreSQL: encrypted, to the right server, and never for ever."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg2
from psycopg2.extensions import connection as Connection  # noqa: N812 - the class of psycopg2

from custom_resources.postgres.refusal import sqlstate
from custom_resources.shared.failure import Failure

CONNECT_SECONDS = 30
# A statement or a lock that takes longer fails, well within the ServiceTimeout.
_STATEMENT_MILLISECONDS = 60_000
# A function that Lambda froze or ended leaves a session behind: the server ends it after a while,
# or its lock would keep deployments and rotations waiting for as long as TCP takes to notice.
_IDLE_MILLISECONDS = 120_000
_KEEPALIVES = {"keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3}
# The owner of a database may set these for whoever connects to it, and have its own views and
# functions taken for those of the catalogs, by the admin too. What a session begins with goes
# before that (PostgreSQL documentation, "Setting Parameters" and "Writing SECURITY DEFINER
# Functions Safely").
_NOT_THE_OWNERS_CHOICE = {
    "search_path": "pg_catalog,pg_temp",
    "standard_conforming_strings": "on",
}
_BUNDLE = Path(__file__).with_name("rds-ca-bundle.pem")
# PostgreSQL documentation, appendix A: invalid_password, invalid_authorization_specification (a
# role that may not log in).
_DENIED = {"28P01", "28000"}
# What passes by itself (same appendix). Others are in the way: serialization_failure,
# deadlock_detected, object_in_use (someone is connected to template1), unique_violation and the
# "already exists" errors of two that create the same.
_CONTENTION = {"40001", "40P01", "55006", "23505", "42710", "42P04"}
TOO_MANY_CONNECTIONS = "53300"  # of the server, of a user, or of a database
# The database is away: too_many_connections, admin_shutdown, crash_shutdown, cannot_connect_now,
# idle_session_timeout, idle_in_transaction_session_timeout, and read_only_sql_transaction: the
# writer that we are connected to has become a reader.
_AWAY = {TOO_MANY_CONNECTIONS, "57P01", "57P02", "57P03", "57P05", "25P03", "25006"}
_CONNECTION_EXCEPTION = "08"
# What no waiting mends, in the words of libpq, which comes with psycopg2 and speaks English.
_HOPELESS = re.compile(
    r"certificate|does not support SSL|could not translate host name (?!.*Temporary failure)"
)


class LoginDenied(Exception):  # noqa: N818 - an answer, not always an error
    """The server knows no such user and password."""


class NoConnectionError(psycopg2.OperationalError):  # type: ignore[misc] # psycopg2 has no types
    """There is no connection, whether nobody answers or the server refuses it.

    Args:
        reason: in libpq's words, or the server's.
        sqlstate: of a server's refusal.
    """

    def __init__(self, reason: str, sqlstate: str | None) -> None:
        super().__init__(reason)
        self.sqlstate = sqlstate


@dataclass(frozen=True)
class Server:
    """Where PostgreSQL listens.

    Args:
        host: name that the server's certificate carries.
        port: TCP port.
    """

    host: str
    port: int

    @contextmanager
    def connect(
        self, database: str, user: str, password: str, *, options: str = ""
    ) -> Iterator[Connection]:
        """A connection that commits every statement, closed at the end. Names without a schema are
        the catalogs' own, whatever search_path the database's owner has set.

        Args:
            database: to connect to.
            user: who logs in.
            password: the user's.
            options: more settings for the session, as in `-c role=none`.
        Raises:
            LoginDenied: the user may not log in with that password.
            NoConnectionError: anything else that is in the way.

        Source: PostgreSQL documentation, "Database Connection Control Functions".
        """
        parameters = self._parameters | {"dbname": database, "user": user, "password": password}
        parameters["options"] = f"{_session_settings()} {options}"
        try:
            opened = psycopg2.connect(**parameters)
        except psycopg2.OperationalError as error:
            code = sqlstate(error, parameters, CONNECT_SECONDS)
            if code in _DENIED:
                raise LoginDenied(user) from None
            raise NoConnectionError(str(error), code) from None
        with closing(opened):
            opened.autocommit = True
            yield opened

    @property
    def _parameters(self) -> dict[str, Any]:
        return {
            "host": self.host,
            "port": self.port,
            "sslmode": "verify-full",
            "sslrootcert": os.environ.get("DATABASE_CA_BUNDLE") or str(_BUNDLE),
            "connect_timeout": CONNECT_SECONDS,
            "tcp_user_timeout": CONNECT_SECONDS * 1000,
            "application_name": "quayside",
            "client_encoding": "UTF8",
            **_KEEPALIVES,
        }


def _session_settings() -> str:
    settings = {
        **_NOT_THE_OWNERS_CHOICE,
        "statement_timeout": _STATEMENT_MILLISECONDS,
        "lock_timeout": _STATEMENT_MILLISECONDS,
        "idle_session_timeout": _IDLE_MILLISECONDS,
        "idle_in_transaction_session_timeout": _IDLE_MILLISECONDS,
        # A statement that nobody waits for any more ends too.
        "client_connection_check_interval": 10_000,
        **{f"tcp_{name}": value for name, value in _KEEPALIVES.items()},
    }
    return " ".join(f"-c {name}={value}" for name, value in settings.items())


@contextmanager
def transaction(connection: Connection) -> Iterator[Any]:
    """A cursor whose statements are committed together, or not at all.

    psycopg2's own `with connection` would open one for CREATE DATABASE too, which forbids it.
    """
    with connection.cursor() as cursor:
        cursor.execute("BEGIN")
        try:
            yield cursor
        except BaseException:
            if not connection.closed:
                cursor.execute("ROLLBACK")
            raise
        cursor.execute("COMMIT")


def is_passing(error: psycopg2.Error) -> bool:
    """Whether the same work may well succeed when it is done again, with a new connection."""
    return is_contention(error) or is_away(error)


def is_contention(error: psycopg2.Error) -> bool:
    """Whether somebody else was in the way for a moment, or something lasting looks just like it:
    "already exists" is the same of a type that two create and of one that was there before."""
    code = _code(error)
    # Two sessions changed the same role or grant: an internal error, without a code of its own,
    # whose text is never translated.
    return code in _CONTENTION or (bool(code) and "tuple concurrently" in str(error))


def is_away(error: psycopg2.Error) -> bool:
    """Whether the database is away, or the connection to it is lost."""
    code = _code(error)
    if code:
        return code in _AWAY or code.startswith(_CONNECTION_EXCEPTION)
    if isinstance(error, psycopg2.InterfaceError):
        return "already closed" in str(error)
    # Whoever has no SQLSTATE has lost the connection, or never had one.
    return isinstance(error, psycopg2.OperationalError) and not _HOPELESS.search(str(error))


def _code(error: psycopg2.Error) -> str | None:
    code: str | None = error.sqlstate if isinstance(error, NoConnectionError) else error.pgcode
    return code


def failure(error: psycopg2.Error, server: Server) -> Failure:
    """An error of PostgreSQL as a sentence, without the statement, which may hold a verifier."""
    reason = " ".join(str(error).split())
    if error.pgcode:
        return Failure(
            f"PostgreSQL on {server.host} refused with {error.pgcode}: "
            f"{error.diag.message_primary}.",
            "Mend that, then try again.",
        )
    if isinstance(error, NoConnectionError) and error.sqlstate == TOO_MANY_CONNECTIONS:
        return Failure(
            f"PostgreSQL on {server.host} has no connection left ({error.sqlstate}): {reason}.",
            "End sessions that nobody needs. If it is the user's own limit, give the service a "
            "greater one (service_connection_limit); if it is the server's, smaller pools.",
        )
    if isinstance(error, NoConnectionError) and error.sqlstate:
        return Failure(
            f"PostgreSQL on {server.host} refused the connection with {error.sqlstate}: {reason}.",
            "Mend that, then try again.",
        )
    return Failure(
        f"There is no connection to PostgreSQL at {server.host}:{server.port}: {reason}.",
        "Check the security groups, that the database runs, and that its certificate is one of "
        "Amazon RDS.",
    )
