"""The extensions of a service's database: its owner's where PostgreSQL lets it, and up to date."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg2
import psycopg2.errors
from psycopg2.extensions import connection as Connection  # noqa: N812 - the class of psycopg2

from custom_resources.database.roles import run
from custom_resources.postgres.connection import is_passing
from custom_resources.shared import log

# What an engine upgrade leaves behind: the server has a later version, and scripts that lead there.
_BEHIND = """
    SELECT pg_get_userbyid(extowner) FROM pg_extension
    JOIN pg_available_extensions ON name = extname
    JOIN pg_extension_update_paths(extname) ON source = extversion AND target = default_version
    WHERE extname = %s AND path IS NOT NULL
"""


def converge_extensions(connection: Connection, extensions: Sequence[str], owner: str) -> None:
    """Create extensions as far as they are missing, and update those that an upgrade left behind.

    A trusted one belongs to the owner role, so that the service may update and drop it; any other
    to the admin. Whose an extension is can't be changed later.

    Args:
        connection: the admin's, to the service's database.
        extensions: names.
        owner: name of the database's owner role.
    Raises:
        psycopg2.Error: the server has no such extension, or keeps it from the admin.

    Source: PostgreSQL documentation, "CREATE EXTENSION" (trusted) and "ALTER EXTENSION".
    """
    with connection.cursor() as cursor:
        for extension in extensions:
            _create(cursor, extension, owner)
            _update(cursor, extension, owner)


def _create(cursor: Any, extension: str, owner: str) -> None:
    statement = "CREATE EXTENSION IF NOT EXISTS {}"
    try:
        with _acting_as(cursor, owner):
            run(cursor, statement, extension)
    except psycopg2.errors.InsufficientPrivilege:
        run(cursor, statement, extension)


def _update(cursor: Any, extension: str, owner: str) -> None:
    """Update one that is behind. It works as it is, so that a failure holds nothing up."""
    cursor.execute(_BEHIND, (extension,))
    behind = cursor.fetchone()
    if not behind:
        return
    try:
        with _acting_as(cursor, owner if behind[0] == owner else ""):
            run(cursor, "ALTER EXTENSION {} UPDATE", extension)
    except psycopg2.Error as error:
        if is_passing(error):
            raise
        reason = error.diag.message_primary
        log.warning("extension not updated", extension=extension, reason=reason)
    else:
        log.info("extension updated", extension=extension)


@contextmanager
def _acting_as(cursor: Any, role: str) -> Iterator[None]:
    """As another role for a while; an empty one is the admin's own."""
    if role:
        run(cursor, "SET ROLE {}", role)
    try:
        yield
    finally:
        if role and not cursor.connection.closed:
            cursor.execute("RESET ROLE")
