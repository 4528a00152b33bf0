"""Whose the objects of a service's database are, and how they become its owner role's.

A database that the admin filled (as pg_restore does), and what a user made after SET ROLE NONE,
belong to others: the service is denied its own data. Objects are given to the owner one by one.
REASSIGN OWNED and DROP OWNED would reach the databases of other services, and members of extensions
(PostgreSQL documentation, "REASSIGN OWNED": "all shared objects (databases, tablespaces)").
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import psycopg2
import psycopg2.errors
from psycopg2 import sql

from custom_resources.database import default_privileges
from custom_resources.database.findings import Findings
from custom_resources.database.roles import Roles, run
from custom_resources.postgres.connection import is_passing, transaction
from custom_resources.shared import log

# The words of ALTER ... OWNER TO by pg_identify_object's name of the kind. What isn't here, such as
# an extension, has an owner that can't be changed.
_ALTER = {
    kind: kind.upper()
    for kind in (
        *("schema", "table", "sequence", "view", "materialized view", "foreign table", "type"),
        *("operator", "operator class", "operator family", "collation", "conversion"),
        *("text search dictionary", "text search configuration", "large object", "server"),
        *("publication", "event trigger", "language"),
    )
} | {
    **dict.fromkeys(("function", "procedure", "aggregate"), "ROUTINE"),
    "statistics object": "STATISTICS",
    "foreign-data wrapper": "FOREIGN DATA WRAPPER",
}
# An extension's owner can't be changed, and whoever a user mapping is for doesn't own it.
_NOT_OBJECTS = ("extension", "user mapping")
# Left out: members of extensions, sequences that follow their table, and functions of event
# triggers, which are no service's to change. What has no owner of its own (indexes, array types,
# types of rows) isn't there, nor are objects of the bootstrap superuser (PostgreSQL documentation,
# "pg_shdepend": pinned), who is AWS's own on RDS.
_OTHERS = """
    SELECT object.type, object.identity, pg_get_userbyid(owned.refobjid)::text, owned.objid
    FROM pg_shdepend AS owned,
         pg_identify_object(owned.classid, owned.objid, owned.objsubid) AS object
    WHERE owned.deptype = 'o' AND owned.refclassid = 'pg_authid'::regclass
      AND owned.dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
      AND pg_get_userbyid(owned.refobjid) <> %s
      AND object.identity IS NOT NULL AND object.type <> ALL (%s)
      AND coalesce(object.schema, object.name, '') !~ '^pg_(temp|toast)'
      AND NOT EXISTS (
        SELECT FROM pg_depend AS link
        WHERE link.classid = owned.classid AND link.objid = owned.objid
          AND (link.deptype = 'e'
               OR object.type = 'sequence' AND link.deptype IN ('a', 'i')
                  AND link.refclassid = 'pg_class'::regclass AND link.refobjsubid > 0))
      -- Whoever changes the database runs it, the admin too.
      AND NOT (owned.classid = 'pg_proc'::regclass
               AND owned.objid IN (SELECT evtfoid FROM pg_event_trigger))
    -- The owner needs its schema first, or it may not own what is in it.
    ORDER BY object.type <> 'schema', object.type, object.identity
"""
_DEFAULT_PRIVILEGES = "default acl"
# What keeps one object from its new owner, and says nothing about the next one.
_REFUSALS = (
    psycopg2.errors.InsufficientPrivilege,
    psycopg2.errors.FeatureNotSupported,
    psycopg2.errors.WrongObjectType,
    psycopg2.errors.ObjectNotInPrerequisiteState,
    psycopg2.errors.InvalidGrantOperation,
)
# Whoever waits for a table's lock keeps everyone behind it waiting too, and those who use a table
# that was given already: what a transaction waits for, all objects together.
_LOCK_SECONDS = 10
_NAMED = 5


@dataclass(frozen=True)
class Belonging:
    """An object that belongs to another role than the database's owner.

    Args:
        kind: in PostgreSQL's words, such as table.
        identity: its name, quoted as PostgreSQL would.
        owner: whose it is.
        oid: in the catalog of its kind.
        obstacle: why it can't be given to the owner role; empty if nothing is known of.
    """

    kind: str
    identity: str
    owner: str
    oid: int
    obstacle: str = ""

    def __str__(self) -> str:
        kind = "default privileges" if self.kind == _DEFAULT_PRIVILEGES else self.kind
        obstacle = f": {self.obstacle}" if self.obstacle else ""
        return f"{kind} {self.identity}{obstacle}"


@dataclass(frozen=True)
class Ownership:
    """The owners of what is in one database.

    Args:
        roles: of the service, with the admin's connection to its database.
    """

    roles: Roles

    def look(self, findings: Findings, *, give: bool) -> None:
        """Tell what belongs to others than the owner role, and give it to that if so wanted.

        Args:
            findings: to be told in.
            give: whether to give it.
        Raises:
            psycopg2.Error: what passes by itself.
        """
        owner = self.roles.owner
        try:
            given, left = self.give() if give else ([], self.others())
        except psycopg2.Error as error:
            if is_passing(error):
                raise
            findings.left.append(_in_the_way(owner, error))
            return
        for item in left:
            log.warning("not the owner role's", item=item, owner=item.owner)
        for item in given:
            log.info("given to the owner role", item=item, owner=item.owner)
        if given:
            findings.right.append(f"{owner} was given {_summary(given)}.")
        elif not left:
            findings.right.append(f"All in the database belongs to {owner}.")
        if left:
            advice = (
                "Give it to that role by hand, as who owns it."
                if give
                else "Give it to that role with -e ownership=SERVICE (docs/data.md)."
            )
            findings.left.append(f"Not owned by {owner}: {_summary(left)}. {advice}")

    def others(self) -> list[Belonging]:
        """What belongs to others than the owner role."""
        with self.roles.connection.cursor() as cursor:
            return self._others(cursor)

    def give(self) -> tuple[list[Belonging], list[Belonging]]:
        """Give everything to the owner role, in one transaction.

        Returns:
            What was given, and what couldn't be, each with its obstacle.
        Raises:
            psycopg2.errors.LockNotAvailable: a session uses one of the objects; nothing was given.
            psycopg2.Error: anything else; nothing was given.
        """
        with transaction(self.roles.connection) as cursor:
            part = _Part(cursor, time.monotonic() + _LOCK_SECONDS)
            found = self._others(cursor)
            obstacles, joined = self._act_for(part, sorted({item.owner for item in found}))
            tried = [replace(item, obstacle=obstacles.get(item.owner, "")) for item in found]
            tried = [item if item.obstacle else self._tried(part, item) for item in tried]
            for role in joined:
                run(cursor, "REVOKE {} FROM CURRENT_USER", role)
        given = [item for item in tried if not item.obstacle]
        return given, [item for item in tried if item.obstacle]

    def _others(self, cursor: Any) -> list[Belonging]:
        cursor.execute(_OTHERS, (self.roles.owner, list(_NOT_OBJECTS)))
        return [Belonging(*row) for row in cursor.fetchall()]

    def _act_for(self, part: _Part, owners: Sequence[str]) -> tuple[dict[str, str], list[str]]:
        """Join the owners for as long as the transaction lasts.

        Returns:
            Why the admin can't act for an owner, by the owner; and which ones it has joined.
        """
        obstacles, joined = {}, []
        for role in owners:
            if self.roles.may_act_for(role):
                continue
            refusal = part.refusal(partial(self.roles.join, role))
            if refusal:
                obstacles[role] = f"the admin may not act for {role}: {refusal}"
            else:
                joined.append(role)
        return obstacles, joined

    def _tried(self, part: _Part, item: Belonging) -> Belonging:
        if item.kind == _DEFAULT_PRIVILEGES:
            refusal = part.refusal(
                lambda: default_privileges.move(part.cursor, item.oid, self.roles.owner)
            )
        elif item.kind in _ALTER:
            refusal = part.refusal(lambda: self._alter(part.cursor, item))
        else:
            refusal = f"the owner of a {item.kind} can't be changed"
        return replace(item, obstacle=refusal)

    def _alter(self, cursor: Any, item: Belonging) -> None:
        # The identity comes from the server, qualified and quoted (pg_identify_object).
        words = sql.SQL("ALTER {} {} OWNER TO {}")
        owner = sql.Identifier(self.roles.owner)
        cursor.execute(words.format(sql.SQL(_ALTER[item.kind]), sql.SQL(item.identity), owner))


@dataclass(frozen=True)
class _Part:
    """One part of a transaction, which goes on if that part is refused.

    Args:
        cursor: of the transaction.
        until: `time.monotonic()` until which locks are waited for; what nobody uses needs none.
    """

    cursor: Any
    until: float

    def refusal(self, work: Callable[[], None]) -> str:
        """Do the part; return why it was refused, or nothing."""
        left = max(int((self.until - time.monotonic()) * 1000), 1)
        self.cursor.execute(f"SET LOCAL lock_timeout = {left}; SAVEPOINT part")
        try:
            work()
        except _REFUSALS as error:
            self.cursor.execute("ROLLBACK TO SAVEPOINT part")
            return str(error.diag.message_primary)
        self.cursor.execute("RELEASE SAVEPOINT part")
        return ""


def _in_the_way(owner: str, error: psycopg2.Error) -> str:
    if isinstance(error, psycopg2.errors.LockNotAvailable):
        reason, advice = "a session uses one of the objects", "when less is going on"
    else:
        reason, advice = error.diag.message_primary, "when that is mended"
    return f"Nothing was given to {owner} ({error.pgcode}: {reason}). Repair again {advice}."


def _summary(items: Sequence[Belonging]) -> str:
    """How many of each kind and owner, and the first ones by name."""
    counted = Counter((item.owner, item.kind) for item in items)
    parts = [f"{number} {kind} of {owner}" for (owner, kind), number in sorted(counted.items())]
    named = "; ".join(map(str, items[:_NAMED]))
    more = ", and more in the log of the function" if len(items) > _NAMED else ""
    return f"{', '.join(parts)} ({named}{more})"
