"""The database at start: wait until it answers, then bring its schema up to date."""

from __future__ import annotations

import logging
import multiprocessing
import time
from pathlib import Path
from typing import Any

import psycopg

from orders.settings import Settings

_LOG = logging.getLogger(__name__)
_LOCK = 7_214_001  # any number that nobody else uses in this database
_MIGRATIONS = Path("migrations/versions")  # below the working directory, as alembic.ini has it

# What PostgreSQL says of itself while it can't serve yet; any other FATAL is its final word.
_PASSING = ("the database system is", "too many", "connection slots", "terminating connection")
_DENIED = ("FATAL:", "certificate", "SSL was required")


class DatabaseError(Exception):
    """The database can't be used; the message is one line for the log and holds no secret."""


def prepare(settings: Settings) -> None:
    """Wait for the database, and apply the migrations that it lacks.

    Args:
        settings: where the database is; ``database_wait_seconds`` limits the wait.

    Raises:
        DatabaseError: it denied us, stayed out of reach, or a migration failed.
    """
    with _connect(settings) as connection:
        if _is_current(connection):
            return
        # Of tasks that start at once, one migrates; the others wait here, and find it done.
        # The lock ends with this connection, so a task that is killed leaves none.
        connection.execute("SELECT pg_advisory_lock(%s)", (_LOCK,))
        if not _is_current(connection):
            _migrate()


def _connect(settings: Settings) -> psycopg.Connection[tuple[Any, ...]]:
    """Connect, with back-off while the database is not reachable.

    A denial ends the process at once, so that ECS counts a failed task and its deployment circuit
    breaker rolls back, where a retry would look like a slow start.
    """
    deadline = time.monotonic() + settings.database_wait_seconds
    delay = 0.2
    while True:
        try:
            return psycopg.connect(**settings.connection(), autocommit=True)  # type: ignore[arg-type]
        except psycopg.OperationalError as error:
            reason = " ".join(str(error).split())
            if _is_denial(reason):
                raise DatabaseError(
                    f"The database denied the login: {reason}. Check the secret of the active user."
                ) from error
            if time.monotonic() + delay > deadline:
                raise DatabaseError(
                    f"The database could not be reached in {settings.database_wait_seconds} s: "
                    f"{reason}. Check DB_HOST, DB_PORT and the security groups."
                ) from error
            _LOG.warning("database not reachable, next try in %.1f s: %s", delay, reason)
            time.sleep(delay)
            delay = min(delay * 2, 5)


def _is_denial(reason: str) -> bool:
    # libpq gives no SQLSTATE for a failed connection, only the server's words.
    return any(word in reason for word in _DENIED) and not any(word in reason for word in _PASSING)


def _is_current(connection: psycopg.Connection[tuple[Any, ...]]) -> bool:
    """Tell whether the schema is as new as this version of the service, or newer.

    It is newer after a deployment was rolled back; Alembic would refuse a revision that it doesn't
    know. Revisions are numbered, so that their order can be seen without Alembic, whose import
    takes longer than the rest of the start.
    """
    newest = max(path.name.partition("_")[0] for path in _MIGRATIONS.glob("[0-9]*_*.py"))
    if connection.execute("SELECT to_regclass('alembic_version')").fetchone() == (None,):
        return False
    row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    return row is not None and str(row[0]) >= newest


def _migrate() -> None:
    # In a child: Alembic brings SQLAlchemy, 18 MB that a running service has no use for.
    child = multiprocessing.get_context("fork").Process(target=_upgrade, daemon=True)
    child.start()
    child.join()
    if child.exitcode:
        raise DatabaseError("A migration failed: nothing was changed. The line above says why.")


def _upgrade() -> None:
    from alembic import command
    from alembic.config import Config

    try:
        command.upgrade(Config("alembic.ini"), "head")
    except Exception as error:
        # SQLAlchemy wraps the driver's error and adds the statement; the first line is the reason.
        reason = str(getattr(error, "orig", error)).partition("\n")[0]
        _LOG.error("migration failed: %s", reason)
        raise SystemExit(1) from None
