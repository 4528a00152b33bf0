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

from custom_resources.shared.failure import Failure

_CONNECT_SECONDS = 30
# A statement or a lock that takes longer fails, well within the ServiceTimeout.
_STATEMENT_MILLISECONDS = 60_000
_BUNDLE = Path(__file__).with_name("rds-ca-bundle.pem")
# psycopg2 gives no SQLSTATE for a connection that fails; these are 28P01 and 28000.
_DENIED = re.compile(r"password authentication failed|is not permitted to log in")
_BUSY = re.compile(
    r"starting up|shutting down|too many (clients|connections)|connection slots"
    r"|closed the connection unexpectedly|terminating connection"
)
# What passes by itself (PostgreSQL documentation, appendix A): serialization_failure,
# deadlock_detected, object_in_use (someone is connected to template1), unique_violation and the
# "already exists" errors of two that create the same, too_many_connections, admin_shutdown,
# cannot_connect_now.
_PASSING = {"40001", "40P01", "55006", "23505", "42710", "42P04", "53300", "57P01", "57P03"}


class LoginDenied(Exception):  # noqa: N818 - an answer, not always an error
    """The server knows no such user and password."""


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
        """A connection that commits every statement, closed at the end.

        Args:
            database: to connect to.
            user: who logs in.
            password: the user's.
            options: more settings for the session, as in `-c role=none`.
        Raises:
            LoginDenied: the user may not log in with that password.
            psycopg2.OperationalError: anything else that is in the way.

        Source: PostgreSQL documentation, "Database Connection Control Functions".
        """
        timeouts = f"-c statement_timeout={_STATEMENT_MILLISECONDS}"
        try:
            opened = psycopg2.connect(
                host=self.host,
                port=self.port,
                dbname=database,
                user=user,
                password=password,
                sslmode="verify-full",
                sslrootcert=os.environ.get("DATABASE_CA_BUNDLE") or str(_BUNDLE),
                connect_timeout=_CONNECT_SECONDS,
                tcp_user_timeout=_CONNECT_SECONDS * 1000,
                application_name="quayside",
                options=f"{timeouts} -c lock_timeout={_STATEMENT_MILLISECONDS} {options}",
            )
        except psycopg2.OperationalError as error:
            if _DENIED.search(str(error)):
                raise LoginDenied(user) from None
            raise
        with closing(opened):
            opened.autocommit = True
            yield opened


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
    """Whether the same work may well succeed when it is done again."""
    if error.pgcode in _PASSING:
        return True
    # Two sessions changed the same role or grant: an internal error, without a code of its own.
    if "tuple concurrently" in str(error):
        return True
    return error.pgcode is None and bool(_BUSY.search(str(error)))


def failure(error: psycopg2.Error, server: Server) -> Failure:
    """An error of PostgreSQL as a sentence, without the statement, which may hold a verifier."""
    if error.pgcode:
        return Failure(
            f"PostgreSQL on {server.host} refused with {error.pgcode}: "
            f"{error.diag.message_primary}.",
            "Mend that, then try again.",
        )
    reason = " ".join(str(error).split())
    return Failure(
        f"There is no connection to PostgreSQL at {server.host}:{server.port}: {reason}.",
        "Check the security groups, that the database runs, and that its certificate is one of "
        "Amazon RDS.",
    )
