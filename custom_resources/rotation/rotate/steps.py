"""The four steps of a rotation. Each may be done twice, or again after it was interrupted anywhere.

Source: Secrets Manager user guide, "Rotation by Lambda function".
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import psycopg2
from psycopg2.extensions import connection as Connection  # noqa: N812 - the class of psycopg2

from custom_resources.contract.labels import CURRENT, PENDING, ROTATED
from custom_resources.contract.outcomes import CREATED, FINISHED
from custom_resources.postgres.connection import failure
from custom_resources.postgres.locks import roles_locked
from custom_resources.postgres.patience import patiently
from custom_resources.rotation.rotate.guard import Guard, Refusal, count_sessions
from custom_resources.rotation.rotate.user import (
    Credentials,
    Versions,
    can_log_in,
    logged_in,
    set_password,
)
from custom_resources.shared import log
from custom_resources.shared.failure import Failure
from custom_resources.shared.late import known_late
from custom_resources.shared.sentences import sentence

NOTHING_TO_DO = "nothing to do"

_Outcome = TypeVar("_Outcome")


@dataclass(frozen=True)
class Rotation:
    """The rotation of one secret to one new version.

    Args:
        versions: of the secret.
        version: the new version's id, which Secrets Manager chose.
        guard: forbids the rotation of a user in use.
        until: `time.monotonic()` until which a database that is away is waited for; what takes
            longer is for the next try of Secrets Manager.
    """

    versions: Versions
    version: str
    guard: Guard
    until: float

    def run(self, step: str) -> str:
        """Do one step.

        Args:
            step: createSecret, setSecret, testSecret or finishSecret.
        Returns:
            The outcome, in a word or three.
        Raises:
            Refusal: the user may be in use; nothing has changed.
            Failure: something else is in the way.
            ClientError: a call was refused.
        """
        steps = {
            "createSecret": self._create,
            "setSecret": self._set,
            "testSecret": self._test,
            "finishSecret": self._finish,
        }
        if step not in steps:
            raise Failure(
                f"There is no step {step} of a rotation.",
                "Let Secrets Manager call this function.",
            )
        return steps[step]()

    def _create(self) -> str:
        if self._is_current() or self.versions.value(self.version):
            return NOTHING_TO_DO
        try:
            self.guard.check(self._count_sessions)
        except Refusal as refusal:
            if refusal.lasting:
                # The label on a version without a value would make every later rotation fail.
                self.versions.unstage(self.version)
            raise
        return CREATED if self.versions.put_pending(self.version) else NOTHING_TO_DO

    def _set(self) -> str:
        if self._is_current():
            return NOTHING_TO_DO
        pending, current = self._pending(), self.versions.current()
        if not pending.is_same_user(current):
            raise Failure(
                f"The versions {PENDING} and {CURRENT} of the secret {self.versions.name} name "
                "different users or servers.",
                f"Take {PENDING} from its version if nobody uses it, then rotate it again.",
            )
        previous = self.versions.previous(current)
        return self._patiently(pending, lambda: self._set_as(pending, current, previous))

    def _set_as(self, pending: Credentials, *others: Credentials | None) -> str:
        # The password was set already if an earlier attempt got that far. AWSCURRENT doesn't work
        # if somebody put it by hand, and not in the database.
        with (
            logged_in(self.versions.name, pending, *others) as (connection, used),
            # Custom::Database proves logins under the same lock: a deployment that moves to this
            # user either began before the guard looks, or finds what is left afterwards.
            roles_locked(connection, self._database(pending)),
            roles_locked(connection, pending.username),
        ):
            if self._is_current():
                return NOTHING_TO_DO
            if used is not pending:
                self._check(connection, pending)
                set_password(connection, pending)
            self._check_again(connection, pending)
        return "set"

    def _check(self, connection: Connection, credentials: Credentials) -> None:
        self.guard.check(lambda: count_sessions(connection, credentials.username))

    def _check_again(self, connection: Connection, pending: Credentials) -> None:
        """Take the new password back if anything began to use the user meanwhile."""
        try:
            self._check(connection, pending)
        except Exception as error:
            set_password(connection, self.versions.current())
            log.warning(
                "rotation",
                outcome="password taken back",
                secret=self.versions.name,
                version=self.version,
                reason=sentence(error),
            )
            raise

    def _test(self) -> str:
        pending = self.versions.value(self.version)
        if pending is None:
            # A new schedule is tested with a version that has no value, and may be gone by now.
            return NOTHING_TO_DO
        self._patiently(pending, lambda: self._prove(pending))
        return "tested"

    def _finish(self) -> str:
        if not self._is_current():
            pending = self._pending()
            self._patiently(pending, lambda: self._make_current(pending))
        self.versions.move(ROTATED, self.version)
        return FINISHED

    def _make_current(self, pending: Credentials) -> None:
        with (
            logged_in(self.versions.name, pending) as (connection, _),
            # An attempt at setSecret that lasted too long may still want to take it back. Not the
            # database's lock: Custom::Database holds that while it waits for this step.
            roles_locked(connection, pending.username),
        ):
            self._prove(pending)
            self.versions.move(CURRENT, self.version)

    def _is_current(self) -> bool:
        """Whether the rotation got to AWSCURRENT already.

        Raises:
            Failure: the version takes part in no rotation.
        """
        labels = known_late(self._labels)
        if not labels:
            raise Failure(
                f"The version {self.version} of the secret {self.versions.name} doesn't have the "
                f"label {PENDING}.",
                "Its rotation was refused or given up: start another one (rotate.yml).",
            )
        return CURRENT in labels

    def _labels(self) -> set[str]:
        return {CURRENT, PENDING} & set(self.versions.labels().get(self.version, []))

    def _pending(self) -> Credentials:
        pending = known_late(lambda: self.versions.value(self.version))
        if pending is None:
            raise Failure(
                f"The version {self.version} of the secret {self.versions.name} has no value.",
                "Start its rotation again from the first step (rotate.yml).",
            )
        return pending

    def _prove(self, credentials: Credentials) -> None:
        if not can_log_in(credentials):
            raise Failure(
                f"The user {credentials.username} can't log in with the version {self.version} of "
                f"the secret {self.versions.name}.",
                "Secrets Manager tries again by itself, from the first step.",
            )

    def _count_sessions(self) -> int:
        current = self.versions.current()
        previous = self.versions.previous(current)

        def count() -> int:
            with logged_in(self.versions.name, current, previous) as (connection, used):
                return count_sessions(connection, used.username)

        return self._patiently(current, count)

    def _database(self, credentials: Credentials) -> str:
        return credentials.username.removesuffix(f"_{self.guard.user.colour}")

    def _patiently(self, credentials: Credentials, work: Callable[[], _Outcome]) -> _Outcome:
        """Work in the database, which may be away for a while, and from the beginning if it was.

        An error of PostgreSQL quotes the statement, and so a verifier: its sentence doesn't.
        """
        try:
            return patiently(work, until=self.until)
        except psycopg2.Error as error:
            raise failure(error, credentials.server) from None
