"""The end of a service's database: taken from its users, or dropped with them.

Every step may be done twice, and each can do without what an earlier one, or a person, has removed
already.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

import psycopg2
import psycopg2.errors
from psycopg2.extensions import connection as Connection  # noqa: N812 - the class of psycopg2

from custom_resources.database.decisions import Mark
from custom_resources.database.limiting import Limiting
from custom_resources.database.roles import Roles, run
from custom_resources.postgres.connection import is_passing, transaction
from custom_resources.shared import log

_FEWEST_SECONDS = 5.0


@dataclass(frozen=True)
class Removal:
    """Takes a service's database and roles away, as far as they are ours.

    Args:
        roles: of the service.
        connect: makes the admin's connection to a database by its name.
        until: `time.monotonic()` until which the database may take to be dropped.
    """

    roles: Roles
    connect: Callable[[str], AbstractContextManager[Connection]]
    until: float

    def retain(self, limiting: Limiting) -> None:
        """Take the users' login, and keep everything for whoever adopts it.

        Args:
            limiting: whose limits are taken back.
        """
        users = self._users()
        for user in users:
            self._take_login(user)
            limiting.take_back(user)
        nobodys = str(Mark("", self.roles.mark.logical_id, self.roles.mark.host))
        with transaction(self.roles.connection) as cursor:
            for role in (*users, *self._owner()):
                run(cursor, "COMMENT ON ROLE {} IS %s", role, values=(nobodys,))

    def drop(self) -> None:
        """Drop the database, the users and their owner role."""
        users, owner = self._users(), self._owner()
        for user in users:
            self._take_login(user)
        if owner:
            self._drop_database()
        for role in (*users, *owner):
            self._drop_role(role)

    def _users(self) -> list[str]:
        # By the mark, not by membership: a user may have lost that, and has its login yet.
        return [role for role in self.roles.marked_by_stack() if role != self.roles.owner]

    def _owner(self) -> list[str]:
        return [self.roles.owner] if self.roles.is_ours(self.roles.owner) else []

    def _take_login(self, user: str) -> None:
        """Take a user's login and password, and end its sessions in every database."""
        self.roles.run("ALTER ROLE {} NOLOGIN PASSWORD NULL", user)
        sessions = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = %s"
        try:
            self.roles.value(sessions, user)
        except psycopg2.errors.InsufficientPrivilege:
            log.warning("sessions left to end by themselves", user=user)

    def _drop_database(self) -> None:
        """Drop the database, whoever is connected to it, unless it is another's by now."""
        database = self.roles.database
        owner = self.roles.owner_of_database()
        if owner != self.roles.owner:
            log.info("database not dropped", database=database, owner=owner)
            return
        # Deleting the files of a large database takes its time, and the function's is the limit.
        seconds = f"{max(self.until - time.monotonic(), _FEWEST_SECONDS):.0f}s"
        timeouts = ("statement_timeout", "lock_timeout")
        with self.roles.connection.cursor() as cursor:
            for timeout in timeouts:
                cursor.execute("SELECT set_config(%s, %s, false)", (timeout, seconds))
            run(cursor, "DROP DATABASE IF EXISTS {} WITH (FORCE)", database)
            for timeout in timeouts:
                run(cursor, "RESET {}", timeout)

    def _drop_role(self, role: str) -> None:
        """Drop a role, whatever it was granted; what it owns elsewhere goes to who has that
        database."""
        for database in self.roles.databases_that_know(role):
            self._forget(role, database)
        try:
            self.roles.run("DROP ROLE IF EXISTS {}", role)
        except psycopg2.errors.DependentObjectsStillExist as error:
            # It can't log in any more, which is what matters.
            log.warning("role kept", role=role, reason=error.diag.message_detail)

    def _forget(self, role: str, database: str) -> None:
        """Keep what a role owns in another service's database, as that database's owner's, and
        revoke what it was granted there. As the admin's, a function with SECURITY DEFINER would run
        as the admin.

        Source: PostgreSQL documentation, "Dropping Roles".
        """
        owner = self.roles.owner_of_database(database)
        if owner is None or not self.roles.may_act_for(owner):
            owner = self.roles.admin
        try:
            with self.connect(database) as connection, connection.cursor() as cursor:
                self.roles.join(role)
                run(cursor, "REASSIGN OWNED BY {} TO {}", role, owner)
                run(cursor, "DROP OWNED BY {}", role)
        except psycopg2.Error as error:
            if is_passing(error):
                raise
            log.warning("left as it is", role=role, database=database, error=error.pgcode)
            return
        log.warning("what it had elsewhere is another's", role=role, database=database, now=owner)
