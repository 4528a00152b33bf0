"""A user's secret, as Secrets Manager describes it.

Source: Secrets Manager API reference, DescribeSecret (LastRotatedDate), ListSecretVersionIds.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from custom_resources.rotation.activate.decisions import SecretFacts
from custom_resources.rotation.labels import move_label
from custom_resources.rotation.users import CURRENT, ROTATED, ServiceUser
from custom_resources.shared import aws


@dataclass(frozen=True)
class Clients:
    """boto3 clients."""

    secretsmanager: Any
    cloudformation: Any


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
    rotated = secret.get("LastRotatedDate")
    return SecretFacts(
        user=user,
        labels=secret.get("VersionIdsToStages", {}),
        created={
            it["VersionId"]: made for it in versions["Versions"] if (made := it.get("CreatedDate"))
        },
        function=function,
        last_rotated=rotated,
        rotatable=(function and not rotated and _scheduled(clients, user))
        or secret.get("CreatedDate"),
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
