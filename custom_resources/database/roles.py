"""The SQL of a service's database and its roles, spoken as the admin, who is no superuser."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from psycopg2 import sql
from psycopg2.extensions import connection as Connection  # noqa: N812 - the class of psycopg2
from psycopg2.extensions import encrypt_password

from custom_resources.database.decisions import Mark, User
from custom_resources.postgres.connection import transaction
from custom_resources.postgres.locks import MAINTENANCE_DATABASE
from custom_resources.shared import log
from custom_resources.shared.failure import Failure

# From here on GRANT of a role says whether it may be set and is inherited
# (PostgreSQL documentation, GRANT; release notes of 16).
_GRANT_OPTIONS_SINCE = 160_000


@dataclass(frozen=True)
class Roles:
    """The database and roles of one service.

    Args:
        connection: the admin's, to the maintenance database, every statement committed.
        database: name of the database.
        owner: name of its owner role.
        mark: says that a role is ours.
    """

    connection: Connection
    database: str
    owner: str
    mark: Mark

    def check_unclaimed(self, users: Sequence[str], stack_exists: Callable[[str], bool]) -> None:
        """Refuse to touch what belongs to somebody else.

        Args:
            users: names of the login users that are to become or stay ours.
            stack_exists: tells whether a stack still exists.
        Raises:
            Failure: naming the database or role and whose it is.
        """
        self._check_database()
        for role in (self.owner, *users):
            other = self.marked(role)
            if other and self.mark.rival_of(other) and stack_exists(other.stack_id):
                raise Failure(
                    f"The role {role} belongs to the stack {other.stack_id}.",
                    "Choose another database name, or delete that stack first.",
                )
            if other is None:
                self._check_unmarked(role)

    def _check_database(self) -> None:
        owner = self.owner_of_database()
        if owner not in (None, self.owner):
            raise Failure(
                f"The database {self.database} exists and belongs to the role {owner}, not to "
                f"{self.owner}.",
                "Choose another name, or make that role the owner to have it adopted.",
            )

    def _check_unmarked(self, role: str) -> None:
        """Adopt a role that someone made by hand only if it is what we would have made."""
        login = self.value("SELECT rolcanlogin FROM pg_roles WHERE rolname = %s", role)
        if login is None:
            return
        fits = not login if role == self.owner else role in self._members()
        if not fits:
            raise Failure(
                f"The role {role} exists and was not made for the database {self.database}.",
                "Choose another database name, or drop that role.",
            )

    def marked(self, role: str) -> Mark | None:
        """The mark on a role; None without one, or without the role."""
        comment = "SELECT shobj_description(oid, 'pg_authid') FROM pg_roles WHERE rolname = %s"
        return Mark.read(self.value(comment, role))

    def create_database(self) -> None:
        """Create the owner role and the database, as far as they are missing.

        PUBLIC may connect to every new database, which nobody needs here.
        """
        with transaction(self.connection) as cursor:
            if not self._exists(self.owner):
                run(cursor, "CREATE ROLE {} NOLOGIN", self.owner)
            self._mark(cursor, self.owner)
        self.join(self.owner)
        if self.value("SELECT 1 FROM pg_database WHERE datname = %s", self.database) is None:
            self.run("CREATE DATABASE {} OWNER {}", self.database, self.owner)
        with transaction(self.connection) as cursor:
            run(cursor, "REVOKE CONNECT, TEMPORARY ON DATABASE {} FROM PUBLIC", self.database)
            run(cursor, "GRANT ALL ON DATABASE {} TO {}", self.database, self.owner)

    def create_user(self, user: User, *, reset: bool) -> None:
        """Create a login user with the owner's rights, as far as it is missing.

        Args:
            user: name and password.
            reset: set the password even if the user exists, on this host.
        """
        exists = self._exists(user.name)
        mark = self.marked(user.name)
        # A copy restored from a snapshot has the passwords of then, and no task uses it yet.
        is_copy = mark is not None and mark.host != self.mark.host
        with transaction(self.connection) as cursor:
            if not exists:
                run(cursor, "CREATE ROLE {} NOLOGIN", user.name)
            self._mark(cursor, user.name)
            run(cursor, f"GRANT {{}} TO {{}} {self._options}", self.owner, user.name)
            # What either user creates belongs to the owner, so the other may change it.
            default_role = "ALTER ROLE {} IN DATABASE {} SET role = {}"
            run(cursor, default_role, user.name, self.database, self.owner)
            if reset or is_copy or not exists:
                self._set_password(cursor, user)

    def set_password(self, user: User) -> None:
        """Set a user's password, and let it log in."""
        with transaction(self.connection) as cursor:
            self._set_password(cursor, user)

    @property
    def admin(self) -> str:
        """Whose the connection is."""
        return str(self.connection.info.user)

    def owner_of_database(self, database: str = "") -> str | None:
        """Who owns the database, or another one; None if there is none."""
        owner = "SELECT pg_get_userbyid(datdba)::text FROM pg_database WHERE datname = %s"
        name: str | None = self.value(owner, database or self.database)
        return name

    def marked_by_stack(self) -> list[str]:
        """All roles that carry our own mark."""
        mentioned = self._names(
            "SELECT rolname FROM pg_roles"
            " WHERE strpos(shobj_description(oid, 'pg_authid'), %s) > 0 ORDER BY 1",
            self.mark.stack_id,
        )
        return [role for role in mentioned if self.is_ours(role)]

    def databases_that_know(self, role: str) -> list[str]:
        """Databases in which a role owns something or was granted something. The maintenance
        database comes first: with it go databases of the role's, which no service is to get."""
        known = self._names(
            "SELECT DISTINCT datname FROM pg_shdepend JOIN pg_roles ON pg_roles.oid = refobjid"
            " JOIN pg_database ON pg_database.oid = dbid OR (dbid = 0 AND datname = %s)"
            " WHERE refclassid = 'pg_authid'::regclass AND rolname = %s ORDER BY 1",
            MAINTENANCE_DATABASE,
            role,
        )
        return sorted(known, key=lambda database: database != MAINTENANCE_DATABASE)

    def is_ours(self, role: str) -> bool:
        """Whether a role carries our own mark, on whatever host it was given."""
        mark = self.marked(role)
        return mark is not None and (mark.stack_id, mark.logical_id) == (
            self.mark.stack_id,
            self.mark.logical_id,
        )

    def join(self, role: str) -> None:
        """Make the admin a member of a role, so that it may act for it."""
        if not self.may_act_for(role):
            self.run(f"GRANT {{}} TO {{}} {self._options}", role, self.admin)

    def value(self, query: str, *values: str) -> Any:
        """The first column of a query's first row; None without one."""
        with self.connection.cursor() as cursor:
            cursor.execute(query, values)
            row = cursor.fetchone()
        return row[0] if row else None

    def run(self, statement: str, *names: str) -> None:
        """Run a statement with names in it."""
        with self.connection.cursor() as cursor:
            run(cursor, statement, *names)

    @property
    def _options(self) -> str:
        newer = self.connection.server_version >= _GRANT_OPTIONS_SINCE
        return "WITH SET TRUE, INHERIT TRUE" if newer else ""

    def may_act_for(self, role: str) -> bool:
        """Whether the admin has the rights of a role, and may become it."""
        newer = self.connection.server_version >= _GRANT_OPTIONS_SINCE
        needed = ("SET", "USAGE") if newer else ("MEMBER",)
        query = "SELECT pg_has_role(current_user, %s, %s)"
        return all(self.value(query, role, privilege) for privilege in needed)

    def _members(self) -> list[str]:
        return self._names(
            "SELECT DISTINCT member.rolname FROM pg_auth_members"
            " JOIN pg_roles AS owner ON owner.oid = roleid"
            " JOIN pg_roles AS member ON member.oid = member"
            " WHERE owner.rolname = %s ORDER BY 1",
            self.owner,
        )

    def _names(self, query: str, *values: str) -> list[str]:
        with self.connection.cursor() as cursor:
            cursor.execute(query, values)
            return [row[0] for row in cursor.fetchall()]

    def _set_password(self, cursor: Any, user: User) -> None:
        # The verifier alone: a plain password would stand in the server's log.
        verifier = encrypt_password(
            user.password, user.name, scope=self.connection, algorithm="scram-sha-256"
        )
        run(
            cursor,
            "ALTER ROLE {} LOGIN VALID UNTIL 'infinity' PASSWORD %s",
            user.name,
            values=(log.confide(verifier),),
        )

    def _mark(self, cursor: Any, role: str) -> None:
        if self.marked(role) != self.mark:
            run(cursor, "COMMENT ON ROLE {} IS %s", role, values=(str(self.mark),))

    def _exists(self, role: str) -> bool:
        return self.value("SELECT 1 FROM pg_roles WHERE rolname = %s", role) is not None


def run(cursor: Any, statement: str, *names: str, values: tuple[object, ...] | None = None) -> None:
    """Run a statement with names and values in it."""
    cursor.execute(sql.SQL(statement).format(*map(sql.Identifier, names)), values)
