"""The extensions of a service's database: its owner's where PostgreSQL lets it, and up to date."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg2
import psycopg2.errors
from psycopg2.extensions import connection as Connection  # noqa: N812 - the class of psycopg2

from custom_resources.database.findings import Findings
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
# The schema that its control file asks for; where there is none, CREATE EXTENSION would take the
# first of search_path.
_FIXED_SCHEMA = """
    SELECT version.schema FROM pg_available_extension_versions AS version
    JOIN pg_available_extensions AS available ON available.name = version.name
    WHERE version.name = %s AND version.version = default_version
"""
_SCHEMA = "public"
# Clients of other databases, which ask for the other's user and password. RDS's pages have USAGE of
# them granted to users. Not so log_fdw, which shows all services' statements in the server's log,
# file_fdw, and whatever comes next.
_CLIENTS = ["postgres_fdw", "dblink_fdw", "mysql_fdw", "oracle_fdw", "tds_fdw"]
# What acts beyond the database: AWS's own with the cluster's IAM roles, which are all services'
# (aws_s3, aws_lambda, aws_ml; aws_commons only makes values for them), jobs that run without the
# service (pg_cron), and tools of the server (rds_tools, pg_transport, pg_tle, log_fdw).
_BEYOND = r"^(aws_(?!commons$)|rds_|pg_(cron|transport|tle)$|log_fdw$)"
# The schema that it is in, and what it brought, with whether that is a service's to use; nobody may
# be let use an untrusted language.
_CLOSED = """
    WITH brought AS (
        SELECT classid, objid FROM pg_depend JOIN pg_extension AS it ON it.oid = refobjid
        WHERE refclassid = 'pg_extension'::regclass AND deptype = 'e' AND extname = %(extension)s
        UNION SELECT 'pg_namespace'::regclass, extnamespace FROM pg_extension
        WHERE extname = %(extension)s)
    SELECT 'SCHEMA', nspname::text, %(extension)s !~ %(beyond)s
    FROM pg_namespace JOIN brought
        ON classid = 'pg_namespace'::regclass AND objid = oid
    WHERE NOT has_schema_privilege(%(owner)s, oid, 'USAGE')
    UNION ALL
    SELECT 'FOREIGN DATA WRAPPER', fdwname, fdwname = ANY (%(clients)s)
    FROM pg_foreign_data_wrapper JOIN brought
        ON classid = 'pg_foreign_data_wrapper'::regclass AND objid = oid
    WHERE NOT has_foreign_data_wrapper_privilege(%(owner)s, oid, 'USAGE')
    UNION ALL
    SELECT 'FOREIGN SERVER', srvname, fdwname = ANY (%(clients)s)
    FROM pg_foreign_server AS server JOIN brought
        ON classid = 'pg_foreign_server'::regclass AND objid = server.oid
    JOIN pg_foreign_data_wrapper AS wrapper ON wrapper.oid = srvfdw
    WHERE NOT has_server_privilege(%(owner)s, server.oid, 'USAGE')
    UNION ALL
    SELECT 'LANGUAGE', lanname, true FROM pg_language JOIN brought
        ON classid = 'pg_language'::regclass AND objid = oid
    WHERE lanpltrusted AND NOT has_language_privilege(%(owner)s, oid, 'USAGE')
"""


def converge_extensions(
    connection: Connection, extensions: Sequence[str], owner: str, findings: Findings
) -> None:
    """Create extensions as far as they are missing, with what they require; update those that an
    upgrade left behind; and let the owner role use them.

    A trusted one belongs to the owner role, so that the service may update and drop it; any other
    to the admin. Whose an extension is can't be changed later.

    Args:
        connection: the admin's, to the service's database.
        extensions: names, in any order.
        owner: name of the database's owner role.
        findings: told what the owner role can't use of them.
    Raises:
        psycopg2.Error: the server has no such extension, or keeps it from the admin.

    Source: PostgreSQL documentation, "CREATE EXTENSION" (trusted) and "ALTER EXTENSION".
    """
    with connection.cursor() as cursor:
        needed = _with_required(cursor, extensions)
        for extension in needed:
            _create(cursor, extension, owner)
            _update(cursor, extension, owner)
        for extension in needed:
            _open(cursor, extension, owner, findings)


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


def _open(cursor: Any, extension: str, owner: str, findings: Findings) -> None:
    """Let the owner role use what nobody may by default: clients' wrappers, languages, schemas."""
    closed = {"extension": extension, "owner": owner, "clients": _CLIENTS, "beyond": _BEYOND}
    cursor.execute(_CLOSED, closed)
    for kind, name, is_services in cursor.fetchall():
        if not is_services:
            continue
        try:
            run(cursor, f"GRANT USAGE ON {kind} {{}} TO {{}}", name, owner)
        except psycopg2.errors.InsufficientPrivilege as error:
            log.warning("not granted", kind=kind, name=name, reason=error.diag.message_primary)
    # Who has no right to grant may be told so by a mere warning of the server.
    cursor.execute(_CLOSED, closed)
    for kind, name, is_services in cursor.fetchall():
        what = f"{owner} may not use the {kind} {name} of the extension {extension}"
        if is_services:
            findings.left.append(
                f"{what}, and the admin may not grant it: see the documentation of the extension."
            )
        else:
            findings.right.append(
                f"{what}, which acts beyond the database: only a person grants that (docs/data.md)."
            )


def _create(cursor: Any, extension: str, owner: str) -> None:
    statement, names = "CREATE EXTENSION IF NOT EXISTS {}", [extension]
    cursor.execute(_FIXED_SCHEMA, (extension,))
    # Without a row the server doesn't have the extension, and says so itself.
    if (None,) in cursor.fetchall():
        statement, names = f"{statement} SCHEMA {{}}", [extension, _SCHEMA]
    try:
        with _acting_as(cursor, owner):
            run(cursor, statement, *names)
    except psycopg2.errors.InsufficientPrivilege:
        run(cursor, statement, *names)


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
