"""The lock that everyone takes who changes a service's roles."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg2.errors
from psycopg2.extensions import connection as Connection  # noqa: N812 - the class of psycopg2

from custom_resources.shared.failure import Failure

# Advisory locks count per database, so that everyone takes this one in the same.
MAINTENANCE_DATABASE = "postgres"
_CLASS = int.from_bytes(b"quay", "big")


@contextmanager
def roles_locked(connection: Connection, database: str) -> Iterator[None]:
    """Keep other sessions from changing the roles of one database; ends with the connection too.

    Args:
        connection: to the maintenance database.
        database: whose roles are to be changed.
    Raises:
        Failure: another session holds the lock for too long.

    Source: PostgreSQL documentation, "Advisory Locks".
    """
    key = (_CLASS, database)
    with connection.cursor() as cursor:
        try:
            cursor.execute("SELECT pg_advisory_lock(%s, hashtext(%s))", key)
        except (psycopg2.errors.LockNotAvailable, psycopg2.errors.QueryCanceled):
            raise Failure(
                f"Another session has been changing the roles of database {database} for a minute.",
                "Let that deployment or rotation end, then try again.",
            ) from None
    yield
    # After an error the connection is closed anyway, and may be in no state to unlock.
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_unlock(%s, hashtext(%s))", key)
