"""From whatever state the server is in to the one that the properties describe."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import psycopg2
from botocore.exceptions import ClientError
from psycopg2.extensions import connection as Connection  # noqa: N812 - the class of psycopg2

from custom_resources.database import credentials
from custom_resources.database.beside import Beside
from custom_resources.database.decisions import DatabaseProperties, Mark, User
from custom_resources.database.extensions import converge_extensions
from custom_resources.database.findings import Findings
from custom_resources.database.limiting import Limiting
from custom_resources.database.limits import NO_LIMITS, Limits
from custom_resources.database.logins import Logins
from custom_resources.database.ownership import Ownership
from custom_resources.database.releases import check_release
from custom_resources.database.removal import Removal
from custom_resources.database.roles import Roles
from custom_resources.postgres.connection import LoginDenied, Server, failure
from custom_resources.postgres.locks import MAINTENANCE_DATABASE, roles_locked
from custom_resources.postgres.patience import patiently
from custom_resources.shared import aws, log, stacks
from custom_resources.shared.failure import Failure

_Outcome = TypeVar("_Outcome")
# Kept back of the function's time, when the database is away: a last connection, and the answer.
_RESERVED_SECONDS = 40


@dataclass(frozen=True)
class Clients:
    """boto3 clients."""

    ssm: Any
    secretsmanager: Any
    cloudformation: Any

    @classmethod
    def made(cls) -> Clients:
        """The function's own."""
        return cls(*map(aws.client, ("ssm", "secretsmanager", "cloudformation")))


def until(seconds_left: float) -> float:
    """The `time.monotonic()` until which a database that is away is waited for.

    Args:
        seconds_left: until Lambda ends the function.
    """
    return time.monotonic() + seconds_left - _RESERVED_SECONDS


@dataclass(frozen=True)
class Convergence:
    """Makes, keeps and removes one service's database.

    Args:
        properties: what is wanted.
        stack_id: ARN of the stack.
        logical_id: the resource's name in the template.
        clients: for AWS.
        until: `time.monotonic()` until which a database that is away is waited for.
        before_change: called before anything is changed.
        limits_before: the users' limits as an update found them.
    """

    properties: DatabaseProperties
    stack_id: str
    logical_id: str
    clients: Clients
    until: float
    before_change: Callable[[], None] = lambda: None
    limits_before: Limits = NO_LIMITS

    def create(self) -> None:
        """Make what is missing, and set every user's password from AWSCURRENT: the users may be
        there from an earlier stack, whose passwords nobody has any more.

        Raises:
            Failure: naming what is in the way.
            ClientError: a call was refused.
        """
        self._repeatedly(lambda: self._converge(reset=True))

    def update(self) -> None:
        """Make what is missing, and prove every user's login; a password is only reset if none of
        the secret's stages works.

        Raises:
            Failure: naming what is in the way, or the active user that can't log in.
            ClientError: a call was refused.
        """
        self._repeatedly(lambda: self._converge(reset=False))

    def repair(self) -> Findings:
        """Make what is missing, let every user log in with AWSCURRENT, and look at the owners of
        what is in the database; what belongs to others is given to the owner role if the properties
        say so.

        Raises:
            Failure: naming what is in the way.
            ClientError: a call was refused.
        """
        return self._repeatedly(self._repair)

    def delete(self) -> None:
        """Take the users' login and keep the data, or drop everything by DeletionPolicy Drop.

        What doesn't carry our mark was never ours, or is another's by now, and stays as it is.

        Raises:
            Failure: naming what is in the way.
            ClientError: a call was refused.
        """
        self._repeatedly(self._delete)

    def admit_to_copy(self) -> None:
        """Let every user into a copy of the cluster, with the password of AWSCURRENT: the copy has
        those of another time.

        Raises:
            Failure: naming what is in the way; the database wasn't there then.
            ClientError: a call was refused.
        """
        self._repeatedly(self._check_there)
        self.create()

    def make_beside(self, name: str) -> None:
        """Make an empty database of the service's beside its own, with the extensions of that.

        Raises:
            Failure: naming what is in the way.
            ClientError: a call was refused.
        """

        def make() -> None:
            with self._kept_users(Findings(), reset=False) as (logins, users):
                Beside(logins.roles, name).make(users.values(), self.properties.limits)
            self._converge_extensions(Findings(), name)

        self._with_roles(lambda roles: Beside(roles, name).check_free())
        self._repeatedly(make)

    def swap(self, name: str, kept: str) -> None:
        """Give a database beside the service's own that one's name, and the own one the name kept.

        Raises:
            Failure: naming what is in the way; nothing was changed.
            ClientError: a call was refused.
        """
        self._with_roles(lambda roles: Beside(roles, name).swap(kept))

    def drop_beside(self, name: str) -> None:
        """Drop a database beside the service's own.

        Raises:
            Failure: naming what is in the way.
            ClientError: a call was refused.
        """
        self._with_roles(lambda roles: Beside(roles, name).drop())

    def is_rolling_back(self) -> bool:
        """Whether the stack is on its way back to what it was."""
        try:
            status = stacks.status(self.clients.cloudformation, self.stack_id)
        except ClientError as error:
            log.warning("stack status unknown", error=error)
            return False
        return status.startswith("UPDATE_ROLLBACK")

    def _converge(self, *, reset: bool) -> None:
        with self._kept_users(Findings(), reset=reset) as (logins, users):
            self._converge_extensions(Findings())
            for colour, user in users.items():
                logins.prove(colour, user)

    def _repair(self) -> Findings:
        findings = Findings()
        limits = Findings()
        with self._kept_users(limits, reset=False) as (logins, users):
            # The logins first: what else is in the way mustn't keep a service out.
            for colour, user in users.items():
                logins.mend(colour, user, findings)
            findings.right += limits.right
            self._converge_extensions(findings)
            self._look_at_owners(findings)
        return findings

    @contextmanager
    def _kept_users(
        self, findings: Findings, *, reset: bool
    ) -> Iterator[tuple[Logins, dict[str, User]]]:
        """Database and users, made as far as they are missing, and theirs to be looked at: nobody
        else changes them meanwhile."""
        wanted = self.properties
        users = {
            colour: credentials.current_user(self.clients.secretsmanager, arn)
            for colour, arn in wanted.secret_arns.items()
        }
        names = [user.name for user in users.values()]
        self._check_names(names)
        with self._admin(MAINTENANCE_DATABASE) as connection:
            check_release(connection.server_version)
            roles = self._roles(connection)
            with roles_locked(connection, wanted.database):
                roles.check_unclaimed(names, self._stack_exists)
                limiting = Limiting(roles, wanted.limits, self.limits_before)
                for name in names:
                    limiting.check(name)
                self.before_change()
                roles.create_database()
                for user in users.values():
                    roles.create_user(user, reset=reset)
                    limiting.converge(user.name, findings)
                yield Logins(wanted, roles, self.clients.secretsmanager), users
        log.info("converged", database=wanted.database, users=", ".join(names))

    def _with_roles(self, work: Callable[[Roles], None]) -> None:
        def do() -> None:
            with self._admin(MAINTENANCE_DATABASE) as connection:
                roles = self._roles(connection)
                with roles_locked(connection, self.properties.database):
                    work(roles)

        self._repeatedly(do)

    def _check_there(self) -> None:
        wanted = self.properties
        with self._admin(MAINTENANCE_DATABASE) as connection:
            if self._roles(connection).owner_of_database() is None:
                raise Failure(
                    f"At that moment there was no database {wanted.database}.",
                    "Take a later moment.",
                )

    def _delete(self) -> None:
        with self._admin(MAINTENANCE_DATABASE) as connection:
            roles = self._roles(connection)
            with roles_locked(connection, self.properties.database):
                if not roles.marked_by_stack():
                    log.info("database left alone", database=self.properties.database)
                    return
                removal = Removal(roles, self._admin, self.until)
                if self.properties.deletion_policy == "Drop":
                    removal.drop()
                else:
                    removal.retain(Limiting(roles, self.properties.limits))

    def _converge_extensions(self, findings: Findings, database: str = "") -> None:
        wanted = self.properties
        if not wanted.extensions:
            return
        with self._admin(database or wanted.database) as connection:
            converge_extensions(connection, wanted.extensions, wanted.owner, findings)

    def _look_at_owners(self, findings: Findings) -> None:
        with self._admin(self.properties.database) as connection:
            ownership = Ownership(self._roles(connection))
            ownership.look(findings, give=self.properties.gives_ownership)

    def _check_names(self, names: list[str]) -> None:
        reserved = {self.properties.owner, self.properties.admin_username}
        if len(set(names)) < len(names) or reserved & set(names):
            raise Failure(
                f"The secrets have the usernames {', '.join(names)}.",
                "They must differ from each other, from the owner role and from the admin.",
            )

    def _stack_exists(self, stack_id: str) -> bool:
        try:
            return stacks.status(self.clients.cloudformation, stack_id) != stacks.DELETED
        except ClientError as error:
            log.warning("a stack that can't be seen counts as existing", error=error)
            return True

    def _roles(self, connection: Connection) -> Roles:
        mark = Mark(self.stack_id, self.logical_id, self.properties.host)
        return Roles(connection, self.properties.database, self.properties.owner, mark)

    @property
    def _server(self) -> Server:
        return Server(self.properties.host, self.properties.port)

    @contextmanager
    def _admin(self, database: str) -> Iterator[Connection]:
        wanted = self.properties
        parameter = wanted.admin_password_parameter
        for password in credentials.admin_passwords(self.clients.ssm, parameter):
            with ExitStack() as opened:
                # The database's owner may have set a role for whoever connects.
                connecting = self._server.connect(
                    database, wanted.admin_username, password, options="-c role=none"
                )
                try:
                    connection = opened.enter_context(connecting)
                except LoginDenied:
                    continue
                yield connection
                return
        raise Failure(
            f"The admin {wanted.admin_username} can't log in to {wanted.host} with the password "
            f"in {parameter}.",
            "Give the rds stack another AdminPasswordRotation (rds_admin_password_rotation): the "
            "cluster and the parameter get a new password together.",
        )

    def _repeatedly(self, work: Callable[[], _Outcome]) -> _Outcome:
        """Do the work again while someone is in the way or the database is away; every step may be
        done twice."""
        try:
            return patiently(work, until=self.until)
        except psycopg2.Error as error:
            raise failure(error, self._server) from None
