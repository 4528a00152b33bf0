"""Default privileges: what others may do with the objects that a role is going to make.

Source: PostgreSQL documentation, "ALTER DEFAULT PRIVILEGES" and "pg_default_acl".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from psycopg2 import sql

# By pg_default_acl's letter, and what acldefault() calls the kind.
_KINDS = {
    "r": ("TABLES", "r"),
    "S": ("SEQUENCES", "s"),
    "f": ("FUNCTIONS", "f"),
    "T": ("TYPES", "T"),
    "n": ("SCHEMAS", "n"),
    "L": ("LARGE OBJECTS", "L"),
}
_ENTRY = """
    SELECT pg_get_userbyid(defaclrole)::text, nspname::text, defaclobjtype::text
    FROM pg_default_acl LEFT JOIN pg_namespace ON pg_namespace.oid = defaclnamespace
    WHERE pg_default_acl.oid = %s
"""
# Each grantee's privileges, NULL for PUBLIC; those of the role itself are no matter of others.
_GRANTED = """
    SELECT pg_get_userbyid(nullif(grantee, 0))::text, privilege_type, is_grantable
    FROM pg_default_acl, aclexplode(defaclacl)
    WHERE oid = %s AND grantee <> defaclrole ORDER BY 1, 2
"""
# What everybody gets without any default privileges (EXECUTE on functions, USAGE of types).
_BUILT_IN = """
    SELECT privilege_type
    FROM pg_default_acl, aclexplode(acldefault(%s::"char", defaclrole))
    WHERE oid = %s AND grantee = 0
"""


def move(cursor: Any, oid: int, owner: str) -> None:
    """Make the default privileges of another role those of the owner role.

    Args:
        cursor: of who may act for both.
        oid: of the entry in pg_default_acl.
        owner: the owner role.
    Raises:
        psycopg2.Error: it is refused.
    """
    cursor.execute(_ENTRY, (oid,))
    role, schema, letter = cursor.fetchone()
    kind, default_letter = _KINDS[letter]
    cursor.execute(_GRANTED, (oid,))
    granted = cursor.fetchall()
    built_in: set[str] = set()
    if schema is None:  # those in a schema only add to the built-in ones
        cursor.execute(_BUILT_IN, (default_letter, oid))
        built_in = {row[0] for row in cursor.fetchall()}
    theirs, ours = _Defaults(cursor, role, schema, kind), _Defaults(cursor, owner, schema, kind)
    if built_in - {privilege for grantee, privilege, _ in granted if grantee is None}:
        ours.revoke(None)
    for grantee, privilege, grantable in granted:
        if grantee != owner:
            ours.grant(privilege, grantee, grantable=grantable)
    for grantee in dict.fromkeys(row[0] for row in granted):
        theirs.revoke(grantee)
    if schema is None:
        theirs.grant("ALL", role)
    for privilege in built_in:
        theirs.grant(privilege, None)


@dataclass(frozen=True)
class _Defaults:
    """The default privileges of a role, everywhere or in one schema, for one kind of objects."""

    cursor: Any
    role: str
    schema: str | None
    kind: str

    def grant(self, privilege: str, grantee: str | None, *, grantable: bool = False) -> None:
        option = " WITH GRANT OPTION" if grantable else ""
        self._alter(f"GRANT {privilege} ON {self.kind} TO {{}}{option}", grantee)

    def revoke(self, grantee: str | None) -> None:
        self._alter(f"REVOKE ALL ON {self.kind} FROM {{}}", grantee)

    def _alter(self, change: str, grantee: str | None) -> None:
        place = sql.SQL("IN SCHEMA {}").format(sql.Identifier(self.schema)) if self.schema else None
        self.cursor.execute(
            sql.SQL("ALTER DEFAULT PRIVILEGES FOR ROLE {} {} {}").format(
                sql.Identifier(self.role),
                place or sql.SQL(""),
                sql.SQL(change).format(
                    sql.SQL("PUBLIC") if grantee is None else sql.Identifier(grantee)
                ),
            )
        )
