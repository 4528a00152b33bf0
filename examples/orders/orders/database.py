"""The database at start: wait until it answers, then bring its schema up to date."""

from __future__ import annotations

import logging
import multiprocessing
import time

import psycopg

from orders.settings import Settings

_LOG = logging.getLogger(__name__)

# What PostgreSQL says of itself while it can't serve yet; any other FATAL is its final word.
_PASSING = ("the database system is", "too many", "connection slots", "terminating connection")
_DENIED = ("FATAL:", "certificate", "SSL was required")


class DatabaseError(Exception):
    """The database can't be used; the message is one line for the log and holds no secret."""


def wait_until_reachable(settings: Settings) -> None:
    """Connect once, with back-off while the database is not reachable.

    A denial ends the process at once, so that ECS counts a failed task and its deployment circuit
    breaker rolls back, where a retry would look like a slow start.

    Args:
        settings: where the database is; ``database_wait_seconds`` limits the retries.

    Raises:
        DatabaseError: it denied us, or stayed out of reach.
    """
    deadline = time.monotonic() + settings.database_wait_seconds
    delay = 0.2
    while True:
        try:
            psycopg.connect(**settings.connection()).close()  # type: ignore[arg-type]
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
        else:
            return


def _is_denial(reason: str) -> bool:
    # libpq gives no SQLSTATE for a failed connection, only the server's words.
    return any(word in reason for word in _DENIED) and not any(word in reason for word in _PASSING)


def migrate() -> None:
    """Apply the migrations that are missing, in a child process.

    Alembic brings SQLAlchemy, 18 MB that a running service has no use for: they go with the child.

    Raises:
        DatabaseError: a migration failed; the child has logged why.
    """
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
