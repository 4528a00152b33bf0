"""Another database of the same service beside its own: restored, taken for the own one, dropped.

It belongs to the service's owner role, and both users work in it as that role, as in the own one:
settings of a user in a database stay with that database when it is renamed (PostgreSQL
documentation, "ALTER ROLE" and pg_db_role_setting, which holds its oid).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import psycopg2
import psycopg2.errors

from custom_resources.database.decisions import User
from custom_resources.database.findings import Findings
from custom_resources.database.limiting import Limiting
from custom_resources.database.limits import Limits
from custom_resources.database.roles import Roles, run
from custom_resources.postgres.connection import transaction
from custom_resources.shared import log
from custom_resources.shared.failure import Failure


@dataclass(frozen=True)
class Beside:
    """One database beside a service's own.

    Args:
        roles: of the service, whose lock is held.
        name: of the database beside.
    """

    roles: Roles
    name: str

    def check_free(self) -> None:
        """Refuse a name that a database has.

        Raises:
            Failure: naming it.
        """
        if self._exists(self.name):
            raise Failure(
                f"There is a database {self.name} already.",
                "Take it, or drop it (restore.yml with swap or drop), or name another moment.",
            )

    def make(self, users: Iterable[User], limits: Limits) -> None:
        """Make it, empty, for the service's users, with their limits; twice is once."""
        beside = replace(self.roles, database=self.name)
        beside.create_database()
        for user in users:
            beside.create_user(user, reset=False)
            Limiting(beside, limits, limits).converge(user.name, Findings())
        log.info("made beside", database=self.name)

    def swap(self, kept: str) -> None:
        """Give it the name of the service's database, and that one the name `kept`, both at once.

        Raises:
            Failure: somebody is connected to one of the two, or one of the names doesn't fit.
        """
        own = self.roles.database
        self._check_ours()
        if self._exists(kept):
            raise Failure(
                f"There is a database {kept} already.", "Swap again: another second, another name."
            )
        self._check_unused(own, self.name)
        try:
            with transaction(self.roles.connection) as cursor:
                run(cursor, "ALTER DATABASE {} RENAME TO {}", own, kept)
                run(cursor, "ALTER DATABASE {} RENAME TO {}", self.name, own)
        except psycopg2.errors.ObjectInUse:
            raise self._in_use(own, "somebody") from None
        log.info("swapped", database=own, was=self.name, kept=kept)

    def drop(self) -> None:
        """Drop it.

        Raises:
            Failure: it isn't the service's, or somebody is connected to it.
        """
        self._check_ours()
        self._check_unused(self.name)
        try:
            self.roles.run("DROP DATABASE {}", self.name)
        except psycopg2.errors.ObjectInUse:
            raise self._in_use(self.name, "somebody") from None
        log.info("dropped", database=self.name)

    def _check_ours(self) -> None:
        owner = self.roles.owner_of_database(self.name)
        if owner is None:
            raise Failure(
                f"There is no database {self.name}.", "Take a name that restore.yml has told."
            )
        if owner != self.roles.owner or self.name == self.roles.database:
            raise Failure(
                f"The database {self.name} is none that was restored or kept for "
                f"{self.roles.database}.",
                "Take a name that restore.yml has told.",
            )

    def _check_unused(self, *databases: str) -> None:
        for database in databases:
            users = self.roles.value(
                "SELECT string_agg(DISTINCT coalesce(usename, backend_type), ', ')"
                " FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid()",
                database,
            )
            if users:
                raise self._in_use(database, str(users))

    def _in_use(self, database: str, users: str) -> Failure:
        return Failure(
            f"Nothing was changed: {users} is connected to the database {database}.",
            "Stop the application (service_desired_count: 0), end other sessions, and try again.",
        )

    def _exists(self, database: str) -> bool:
        return self.roles.owner_of_database(database) is not None
