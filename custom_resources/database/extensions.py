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

_REQUIRED = """
    SELECT DISTINCT unnest(requires)::text FROM pg_available_extension_versions AS version
    JOIN pg_available_extensions AS available ON available.name = version.name
    WHERE version.name = %s AND version.version = default_version ORDER BY 1
"""
# The schema that it is in, and what it brought; nobody may be let use an untrusted language.
_CLOSED = """
    WITH brought AS (
        SELECT classid, objid FROM pg_depend JOIN pg_extension AS it ON it.oid = refobjid
        WHERE refclassid = 'pg_extension'::regclass AND deptype = 'e' AND extname = %(extension)s
        UNION SELECT 'pg_namespace'::regclass, extnamespace FROM pg_extension
        WHERE extname = %(extension)s)
    SELECT 'SCHEMA', nspname::text FROM pg_namespace JOIN brought
        ON classid = 'pg_namespace'::regclass AND objid = oid
    WHERE NOT has_schema_privilege(%(owner)s, oid, 'USAGE')
    UNION ALL
    SELECT 'FOREIGN DATA WRAPPER', fdwname FROM pg_foreign_data_wrapper JOIN brought
        ON classid = 'pg_foreign_data_wrapper'::regclass AND objid = oid
    WHERE NOT has_foreign_data_wrapper_privilege(%(owner)s, oid, 'USAGE')
    UNION ALL
    SELECT 'FOREIGN SERVER', srvname FROM pg_foreign_server JOIN brought
        ON classid = 'pg_foreign_server'::regclass AND objid = oid
    WHERE NOT has_server_privilege(%(owner)s, oid, 'USAGE')
    UNION ALL
    SELECT 'LANGUAGE', lanname FROM pg_language JOIN brought
        ON classid = 'pg_language'::regclass AND objid = oid
    WHERE lanpltrusted AND NOT has_language_privilege(%(owner)s, oid, 'USAGE')
"""


def converge_extensions(connection: Connection, extensions: Sequence[str], owner: str) -> list[str]:
    """Create extensions as far as they are missing, with what they require; update those that an
    upgrade left behind; and let the owner role use them.

    A trusted one belongs to the owner role, so that the service may update and drop it; any other
    to the admin. Whose an extension is can't be changed later.

    Args:
        connection: the admin's, to the service's database.
        extensions: names, in any order.
        owner: name of the database's owner role.
    Returns:
        What the owner role can't use of them, in a sentence each.
    Raises:
        psycopg2.Error: the server has no such extension, or keeps it from the admin.

    Source: PostgreSQL documentation, "CREATE EXTENSION" (trusted) and "ALTER EXTENSION".
    """
    with connection.cursor() as cursor:
        needed = _with_required(cursor, extensions)
        for extension in needed:
            _create(cursor, extension, owner)
            _update(cursor, extension, owner)
        return [said for extension in needed for said in _open(cursor, extension, owner)]


def _with_required(cursor: Any, extensions: Sequence[str]) -> list[str]:
    """Extensions behind those that they require: not by CASCADE, which would make the admin the
    owner of a trusted one that an untrusted one requires."""
    ordered: dict[str, None] = {}

    def add(extension: str) -> None:
        cursor.execute(_REQUIRED, (extension,))
        for (required,) in cursor.fetchall():
            if required not in ordered:
                add(required)
        ordered[extension] = None

    for extension in extensions:
        add(extension)
    return list(ordered)


def _open(cursor: Any, extension: str, owner: str) -> list[str]:
    """Let the owner role use what nobody may by default: wrappers, languages, schemas."""
    closed = {"extension": extension, "owner": owner}
    cursor.execute(_CLOSED, closed)
    for kind, name in cursor.fetchall():
        try:
            run(cursor, f"GRANT USAGE ON {kind} {{}} TO {{}}", name, owner)
        except psycopg2.errors.InsufficientPrivilege as error:
            log.warning("not granted", kind=kind, name=name, reason=error.diag.message_primary)
    # Who has no right to grant may be told so by a mere warning of the server.
    cursor.execute(_CLOSED, closed)
    return [
        f"{owner} may not use the {kind} {name} of the extension {extension}, and the admin may "
        f"not grant it: see the documentation of the extension."
        for kind, name in cursor.fetchall()
    ]


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
