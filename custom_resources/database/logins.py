"""The logins of a service's users: proven, and mended."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from custom_resources.contract.labels import CURRENT, PENDING
from custom_resources.database import credentials
from custom_resources.database.decisions import DatabaseProperties, User, Verdict, verdict
from custom_resources.database.findings import Findings
from custom_resources.database.limiting import has_all_its_connections
from custom_resources.database.roles import Roles
from custom_resources.postgres.connection import (
    TOO_MANY_CONNECTIONS,
    LoginDenied,
    NoConnectionError,
    Server,
)
from custom_resources.postgres.locks import roles_locked
from custom_resources.shared import log
from custom_resources.shared.failure import Failure

# setSecret to finishSecret takes less than a second; past this it is not a rotation under way.
_PROOFS = 8
_SECONDS_BETWEEN_PROOFS = 2.0


@dataclass(frozen=True)
class Logins:
    """The users of one service, as their secrets have them and as the database takes them.

    Args:
        properties: what is wanted.
        roles: of the service; their lock is held.
        secretsmanager: boto3 client.
    """

    properties: DatabaseProperties
    roles: Roles
    secretsmanager: Any

    def prove(self, colour: str, user: User) -> None:
        """See to it that a user can log in, as far as that is a deployment's to do.

        Raises:
            Failure: the active user can't log in with AWSCURRENT.
        """
        active = colour == self.properties.active_user
        for _ in range(_PROOFS):
            staged = self._staged(colour)
            working = self._working(staged)
            decided = verdict(working, active=active)
            if decided is Verdict.ACCEPT:
                log.info("login proven", user=user.name, stage=working)
                return
            if decided is Verdict.WAIT:
                time.sleep(_SECONDS_BETWEEN_PROOFS)
            elif self._staged(colour) == staged:
                # Nothing moved meanwhile, so it isn't a rotation's unfinished work.
                self.roles.set_password(staged[CURRENT])
                log.warning("password reset, since no stage worked", user=user.name)
        raise self._denied(
            colour,
            user,
            "Wait for its rotation to end, or make database and secret agree (repair.yml), then "
            "deploy again.",
        )

    def mend(self, colour: str, user: User, findings: Findings) -> None:
        """See to it that a user can log in with AWSCURRENT, whatever else lets it in.

        Args:
            colour: blue or green.
            user: as AWSCURRENT has it.
            findings: what is told about it.
        Raises:
            Failure: it can't, even with its password set.
        """
        before = self._when_no_rotation_runs(colour)
        if before != CURRENT:
            # finishSecret makes a password current under this lock.
            with roles_locked(self.roles.connection, user.name):
                staged = self._staged(colour)
                if not self._logs_in(staged[CURRENT]):
                    self.roles.set_password(staged[CURRENT])
                    log.warning("password set to AWSCURRENT", user=user.name, before=before)
            if self._working(self._staged(colour)) != CURRENT:
                raise self._denied(
                    colour,
                    user,
                    "See who changes its password meanwhile, and that it is no member of rds_iam, "
                    "who log in without one; then repair again.",
                )
        findings.right.append(self._told(colour, user, before))
        if not credentials.names_server(
            self.secretsmanager, self._arn(colour), self.properties.host, self.properties.port
        ):
            findings.left.append(
                f"The secret of {user.name} does not name the server {self.properties.host}:"
                f"{self.properties.port}, so that its rotation fails: give its value host, port "
                "and engine again (aws secretsmanager put-secret-value)."
            )

    def _when_no_rotation_runs(self, colour: str) -> str | None:
        """The first stage that lets the user in, once a rotation has had the time to end."""
        for left in reversed(range(_PROOFS)):
            working = self._working(self._staged(colour))
            if working != PENDING or not left:
                return working
            time.sleep(_SECONDS_BETWEEN_PROOFS)
        return PENDING

    def _told(self, colour: str, user: User, before: str | None) -> str:
        if before == CURRENT:
            return f"{user.name} logs in with its secret."
        took = f"took {before}" if before else "took no version"
        # The tasks of an idle user are none, and without a stage that worked all were denied.
        tasks = self._tasks if before and colour == self.properties.active_user else ""
        return (
            f"{user.name} has the password of its secret again, the database {took} of it.{tasks}"
        )

    @property
    def _tasks(self) -> str:
        two = len(self.properties.secret_arns) > 1
        way = "rotate.yml moves the service to the other user" if two else "force a new deployment"
        return (
            " Tasks that began before then may have a password that is denied now: replace them "
            f"({way})."
        )

    def _denied(self, colour: str, user: User, advice: str) -> Failure:
        return Failure(
            f"The {colour} user {user.name} can't log in to {self.properties.database} with the "
            f"{CURRENT} of its secret.",
            advice,
        )

    def _arn(self, colour: str) -> str:
        return self.properties.secret_arns[colour]

    def _staged(self, colour: str) -> dict[str, User]:
        return credentials.staged_users(self.secretsmanager, self._arn(colour))

    def _working(self, staged: Mapping[str, User]) -> str | None:
        return next((stage for stage in staged if self._logs_in(staged[stage])), None)

    def _logs_in(self, user: User) -> bool:
        wanted = self.properties
        server = Server(wanted.host, wanted.port)
        try:
            with (
                server.connect(wanted.database, user.name, user.password) as connection,
                connection.cursor() as cursor,
            ):
                cursor.execute("SELECT current_user")
                (role,) = cursor.fetchone() or ("",)
        except LoginDenied:
            return False
        except NoConnectionError as error:
            # The server looks at the password first, and at the user's connections afterwards
            # (PostgreSQL source, InitPostgres: PerformAuthentication, InitializeSessionUserId). A
            # service that has taken all of them mustn't keep a flip from leading it away.
            if error.sqlstate != TOO_MANY_CONNECTIONS or not has_all_its_connections(
                self.roles, user.name
            ):
                raise
            log.warning(
                "password taken, but all connections of the user are in use", user=user.name
            )
            return True
        if role != wanted.owner:
            raise Failure(
                f"The user {user.name} works as {role} in {wanted.database}, not as its owner.",
                f"See who changed the user's setting of role, and set it to {wanted.owner}.",
            )
        return True
