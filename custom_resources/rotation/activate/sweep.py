"""The daily sweep: what events lost, what a refused rotation left, and what is overdue."""

from __future__ import annotations

import datetime
import math
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import groupby
from typing import Any, NamedTuple

from botocore.exceptions import BotoCoreError, ClientError

from custom_resources.contract.labels import CURRENT, PENDING, ROTATED
from custom_resources.contract.names import ServiceUser
from custom_resources.contract.outcomes import FAILED, ROLLED_BACK, Move
from custom_resources.rotation import metrics
from custom_resources.rotation.activate.activation import Activation
from custom_resources.rotation.activate.decisions import FlipRolledBack
from custom_resources.rotation.activate.secret import (
    SecretFacts,
    describe,
    last_rotated,
    move_rotated,
)
from custom_resources.shared import aws, log
from custom_resources.shared.failure import Failure
from custom_resources.shared.sentences import sentence

# Findings that nobody has to do anything about.
_MENDED = frozenset({"unstaged", *(move.value for move in Move)})
_OVERDUE = frozenset({"overdue", "stuck"})
# Findings that are counted by a metric, with an alarm of its own.
_COUNTED = frozenset({ROLLED_BACK, *_OVERDUE})
# Six calls a service, one after the other: some hundred services would outlast the function.
_AT_ONCE = 8
_DAY = datetime.timedelta(days=1)
_DAYS = 7  # in so many, every service is among the first once


class Seen(NamedTuple):
    """What was found out about a service: outcomes, and its secrets if they could be read."""

    outcomes: list[str]
    secrets: list[SecretFacts]


@dataclass(frozen=True)
class Sweep:
    """Looks at every secret of a platform.

    Args:
        platform: name of the platform.
        activation: for rotated users that weren't activated.
        until: `time.monotonic()` after which no other service is looked at.
        each_age: whether the age of every service's passwords becomes a metric of its own.
    """

    platform: str
    activation: Activation
    until: float = math.inf
    each_age: bool = False

    @staticmethod
    def unheard(outcomes: Mapping[str, int]) -> dict[str, int]:
        """The outcomes that somebody has to do something about, and that ring no alarm unless the
        function raises: no message is left in the queue that would.

        Args:
            outcomes: how often each came.
        """
        quiet = _MENDED | _COUNTED
        return {outcome: times for outcome, times in outcomes.items() if outcome not in quiet}

    def run(self) -> dict[str, int]:
        """Look, repair, and log a line for each finding, and metrics of them all.

        Returns:
            How often each outcome came.
        Raises:
            ClientError: the secrets can't be listed. What is wrong with one service is logged, and
                doesn't keep the sweep from the others.
        """
        users = self._users()
        services = [list(group) for _, group in groupby(users, key=lambda user: user.service)]
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            seen = list(pool.map(self._in_time, self._turned(services)))
        outcomes = Counter(outcome for it in seen for outcome in it.outcomes)
        secrets = [secret for it in seen for secret in it.secrets]
        oldest = self._measure(outcomes, secrets, are_all=len(secrets) == len(users))
        log.info("sweep", outcome="swept", secrets=len(users), oldest=oldest, **outcomes)
        return dict(outcomes)

    def _turned(self, services: list[list[ServiceUser]]) -> list[list[ServiceUser]]:
        """Whom the sweep begins with changes every day, so that the end of its time isn't always
        the same services' loss."""
        start = self._now.toordinal() % _DAYS * len(services) // _DAYS
        return services[start:] + services[:start]

    def _measure(
        self, outcomes: Mapping[str, int], secrets: list[SecretFacts], *, are_all: bool
    ) -> str:
        """Tell the metrics; the secret with the oldest password, and how old it is.

        Of a part of the secrets no age is told: the oldest may be among the others, and the alarm
        would end. That some weren't seen rings of itself.
        """
        metrics.tell_overdue(sum(outcomes.get(it, 0) for it in _OVERDUE))
        ages = {it.user: age / _DAY for it in secrets if (age := it.age(self._now)) is not None}
        if are_all:
            metrics.tell_ages(ages, each=self.each_age)
        oldest = max(ages, key=lambda user: ages[user], default=None)
        return f"{oldest.secret_name}, {ages[oldest]:.1f} days" if oldest else "none"

    def _in_time(self, users: list[ServiceUser]) -> Seen:
        if time.monotonic() < self.until:
            return self._service(users)
        reason = "the sweep's time was over; another day begins with others"
        return Seen([self._found("left out", users[0], reason=reason)], [])

    def _users(self) -> list[ServiceUser]:
        pages = self._secretsmanager.get_paginator("list_secrets").paginate(
            Filters=[{"Key": "name", "Values": [f"{self.platform}/"]}]
        )
        names = sorted(secret["Name"] for page in pages for secret in page["SecretList"])
        users = map(ServiceUser.of, names)  # None: another secret of the platform
        return [user for user in users if user and user.platform == self.platform]

    def _service(self, users: list[ServiceUser]) -> Seen:
        seen = Seen([], [])
        try:
            seen.secrets.extend(describe(self.activation.clients, user) for user in users)
            seen.outcomes.extend(self._look_after(seen.secrets))
        except (BotoCoreError, ClientError, Failure) as error:
            seen.outcomes.append(self._found(FAILED, users[0], reason=sentence(error)))
        return seen

    def _look_after(self, secrets: list[SecretFacts]) -> Iterator[str]:
        for secret in secrets:
            yield from self._repair(secret)
        newest = last_rotated(secrets)
        if newest:
            yield from self._activate(newest)

    def _repair(self, secret: SecretFacts) -> Iterator[str]:
        if secret.lacks_label:
            move_rotated(self.activation.clients, secret)
            yield self._found(Move.LABEL.value, secret.user, version=secret.version(CURRENT))
        version = secret.abandoned(self._now)
        if version and self._is_empty(secret.user, version):
            self._secretsmanager.update_secret_version_stage(
                SecretId=secret.user.secret_name,
                VersionStage=PENDING,
                RemoveFromVersionId=version,
            )
            yield self._found("unstaged", secret.user, version=version)
        elif version:
            # The database may have that password already: only the rotation itself can tell.
            reason = "a rotation was begun and not finished: rotate it again (rotate.yml)"
            yield self._found("stuck", secret.user, version=version, reason=reason)
        if secret.is_overdue(self._now):
            last = f"{secret.last_rotated:%Y-%m-%d}" if secret.last_rotated else "never"
            reason = f"last rotated: {last}; see the log of rotate"
            yield self._found("overdue", secret.user, reason=reason)

    def _activate(self, secret: SecretFacts) -> Iterator[str]:
        version = secret.version(ROTATED)
        try:
            decision = self.activation.activate(
                secret.user.secret_name, version, secret.rotated or self._now, sweeping=True
            )
        except Failure as error:
            outcome = ROLLED_BACK if isinstance(error, FlipRolledBack) else "not activated"
            yield self._found(outcome, secret.user, version=version, reason=sentence(error))
            return
        if decision.move is not Move.ACTIVE:
            outcome = decision.move.value
            yield self._found(outcome, secret.user, version=version, reason=decision.reason)

    def _is_empty(self, user: ServiceUser, version: str) -> bool:
        """Whether a version has no value.

        This function's role may not use the service's key: that a value can't be decrypted is the
        proof that there is one.
        """
        try:
            self._secretsmanager.get_secret_value(SecretId=user.secret_name, VersionId=version)
        except ClientError as error:
            if aws.code(error) == "ResourceNotFoundException":
                return True
            if aws.code(error) == "AccessDeniedException":
                return False
            raise
        return False

    def _found(self, outcome: str, user: ServiceUser, **fields: object) -> str:
        tell = log.info if outcome in _MENDED else log.error
        tell("sweep", outcome=outcome, secret=user.secret_name, **fields)
        metrics.count_flip(outcome)
        return outcome

    @property
    def _now(self) -> datetime.datetime:
        return self.activation.now

    @property
    def _secretsmanager(self) -> Any:
        return self.activation.clients.secretsmanager
