"""A user's secret, as Secrets Manager describes it, and what follows from that.

Source: Secrets Manager API reference, DescribeSecret (LastRotatedDate), ListSecretVersionIds.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from custom_resources.contract import names
from custom_resources.contract.labels import (
    CURRENT,
    PENDING,
    ROTATED,
    Labels,
    holder,
    unfinished,
)
from custom_resources.contract.names import ServiceUser
from custom_resources.rotation.activate.decisions import superseded
from custom_resources.rotation.labels import move_label
from custom_resources.shared import aws

# No schedule of the service template has a longer window: Secrets Manager may still try again.
_LONGEST_WINDOW = datetime.timedelta(days=1)
# The template's schedules are monthly; the window, and a day for people to mend what failed.
_LONGEST_WITHOUT_ROTATION = datetime.timedelta(days=31 + 1 + 1)


@dataclass(frozen=True)
class Clients:
    """boto3 clients."""

    secretsmanager: Any
    cloudformation: Any


@dataclass(frozen=True)
class SecretFacts:
    """What is known of one secret.

    Args:
        user: whose it is.
        labels: staging labels by version.
        created: when each version that has a label was made, as far as it is told.
        function: ARN of its rotation function; empty if it isn't rotated.
        last_rotated: when Secrets Manager noted the end of its last rotation; None before.
        made: when the secret was made; None if that isn't told.
        rotatable: since when it could have been rotated; None if that isn't told.
    """

    user: ServiceUser
    labels: Labels
    created: Mapping[str, datetime.datetime]
    function: str
    last_rotated: datetime.datetime | None
    made: datetime.datetime | None
    rotatable: datetime.datetime | None

    def version(self, label: str) -> str:
        """The version that has a label; empty if none has it."""
        return holder(self.labels, label)

    @property
    def rotated(self) -> datetime.datetime | None:
        """When the last finished rotation began, or ended where that isn't told; None if there
        was none."""
        version = self.version(ROTATED)
        return self.created.get(version, self.last_rotated) if version else None

    def why_not_rotated(self, version: str) -> str:
        """Why a version was made by no rotation function but ours, such as AWS's own; empty if it
        was made by one.

        Args:
            version: of which an event said that AWSCURRENT moved to it. That happens also when a
                secret is made, attached to its cluster, or given a value by hand.
        """
        if not self.function:
            return "its secret isn't rotated"
        ours = names.function(self.user.platform, names.ROTATE)
        if self.function.endswith(f":function:{ours}"):
            return f"{ours} tells of its rotations by {ROTATED}"
        if self.version(ROTATED) == version:
            return f"it has the label {ROTATED} already"
        # It has AWSPENDING too until Secrets Manager notes the rotation's end.
        if self.version(PENDING) != version and not self._is_of_the_last_rotation(version):
            return "no rotation made it"
        return superseded(self.labels, version)

    def _is_of_the_last_rotation(self, version: str) -> bool:
        """Whether the last rotation ended after this version was made, and before the next one was.

        A value put by hand is newer than the last rotation; a label moved back by hand is on a
        version that is older than the last rotation's.
        """
        begun, ended = self.created.get(version), self.last_rotated
        if begun is None or ended is None:
            return False
        return begun <= ended and not any(begun < it <= ended for it in self.created.values())

    @property
    def lacks_label(self) -> bool:
        """Whether a rotation is done, but nobody was told: ours ended between its two labels, or
        the event of another function's was lost."""
        version = self.version(CURRENT)
        ended_between = version == self.version(PENDING) != self.version(ROTATED)
        return ended_between or not self.why_not_rotated(version)

    def abandoned(self, now: datetime.datetime) -> str:
        """The version of a rotation that was begun and not finished, too long ago to be going on;
        empty if there is none."""
        version = unfinished(self.labels)
        return version if self.created.get(version, now) < now - _LONGEST_WINDOW else ""

    def age(self, now: datetime.datetime) -> datetime.timedelta | None:
        """How old its password is; None if that isn't told.

        Not by its version: attaching the secret to a restored cluster makes another one of the
        same password. A value that was put by hand counts as old as the one before it.
        """
        since = self.last_rotated or self.made
        return now - since if since else None

    def is_overdue(self, now: datetime.datetime) -> bool:
        """Whether the secret's schedule has passed without a rotation."""
        last = self.last_rotated or self.rotatable
        if last is None or not self.function:
            return False
        return last < now - _LONGEST_WITHOUT_ROTATION


def last_rotated(secrets: Sequence[SecretFacts]) -> SecretFacts | None:
    """The user of a service that is to be active: who was rotated last; None if nobody was."""
    rotated = [(it.rotated, it) for it in secrets if it.rotated]
    return max(rotated, key=lambda pair: pair[0])[1] if rotated else None


def describe(clients: Clients, user: ServiceUser) -> SecretFacts:
    """Look at a user's secret.

    Args:
        clients: for AWS.
        user: whose secret.
    Raises:
        ClientError: it isn't there, or the call was refused.
    """
    secret = clients.secretsmanager.describe_secret(SecretId=user.secret_name)
    # Only versions with a label are listed, and a secret has at most 20 of those.
    versions = clients.secretsmanager.list_secret_version_ids(SecretId=user.secret_name)
    function = secret.get("RotationLambdaARN", "") if secret.get("RotationEnabled") else ""
    rotated, made = secret.get("LastRotatedDate"), secret.get("CreatedDate")
    return SecretFacts(
        user=user,
        labels=secret.get("VersionIdsToStages", {}),
        created={
            it["VersionId"]: time for it in versions["Versions"] if (time := it.get("CreatedDate"))
        },
        function=function,
        last_rotated=rotated,
        made=made,
        rotatable=(function and not rotated and _scheduled(clients, user)) or made,
    )


def _scheduled(clients: Clients, user: ServiceUser) -> datetime.datetime | None:
    """When the user's schedule was made or changed: an old service may have got it just now.

    None if the service's template doesn't have it.
    """
    try:
        answer = clients.cloudformation.describe_stack_resource(
            StackName=user.stack_name, LogicalResourceId=f"{user.colour.title()}Rotation"
        )
    except ClientError as error:
        if aws.code(error) == "ValidationError":
            return None
        raise
    changed: datetime.datetime = answer["StackResourceDetail"]["LastUpdatedTimestamp"]
    return changed


def move_rotated(clients: Clients, secret: SecretFacts) -> None:
    """Move the label ROTATED to AWSCURRENT's version; its event activates the user."""
    name, version = secret.user.secret_name, secret.version(CURRENT)
    move_label(clients.secretsmanager, name, secret.labels, ROTATED, version)
