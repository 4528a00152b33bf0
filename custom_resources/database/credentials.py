"""The passwords: the admin's from Systems Manager, the users' from Secrets Manager."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from botocore.exceptions import ClientError

from custom_resources.contract.labels import CURRENT, STAGES
from custom_resources.database.decisions import User
from custom_resources.shared import aws, log
from custom_resources.shared.failure import Failure
from custom_resources.shared.late import known_late


def admin_passwords(ssm: Any, parameter: str) -> Iterator[str]:
    """The admin's password, then the one before: a new version is in the parameter some moments
    before the cluster takes it.

    Args:
        ssm: boto3 client.
        parameter: name of the parameter.
    Raises:
        Failure: there is no such parameter.
        ClientError: a call was refused.
    """
    version = None
    name = parameter
    while version is None or version > 1:
        try:
            answer = ssm.get_parameter(Name=name, WithDecryption=True)["Parameter"]
        except ClientError as error:
            if aws.code(error) == "ParameterVersionNotFound":
                return
            if aws.code(error) != "ParameterNotFound":
                raise
            raise Failure(
                f"There is no parameter {parameter} with the admin's password.",
                "Deploy the rds stack first, and pass its outputs on.",
            ) from None
        yield log.confide(answer["Value"])
        if version is not None:
            return
        version = int(answer["Version"])
        name = f"{parameter}:{version - 1}"


def current_user(secretsmanager: Any, secret_arn: str) -> User:
    """The user as AWSCURRENT has it.

    Raises:
        Failure: the secret has no value, or one of another form.
        ClientError: a call was refused.
    """
    user = known_late(lambda: _user(secretsmanager, secret_arn, CURRENT))
    if user is None:
        raise Failure(
            f"The secret {secret_arn} has no value with the label {CURRENT}.",
            "Deploy the stack that makes it first.",
        )
    return user


def staged_users(secretsmanager: Any, secret_arn: str) -> dict[str, User]:
    """The user as every staging label has it that has a value, AWSCURRENT first.

    Raises:
        Failure: a value has another form.
        ClientError: a call was refused.
    """
    found = ((stage, _user(secretsmanager, secret_arn, stage)) for stage in STAGES)
    return {stage: user for stage, user in found if user is not None}


def names_server(secretsmanager: Any, secret_arn: str, host: str, port: int) -> bool:
    """Whether the value with AWSCURRENT says where the database is, as its rotation needs it to.

    Raises:
        ClientError: a call was refused.

    Source: CloudFormation reference, AWS::SecretsManager::SecretTargetAttachment: it adds host and
    port, once; a value put by hand may lack them.
    """
    answer = secretsmanager.get_secret_value(SecretId=secret_arn, VersionStage=CURRENT)
    content = json.loads(answer.get("SecretString") or "{}")
    return (content.get("host"), str(content.get("port"))) == (host, str(port))


def _user(secretsmanager: Any, secret_arn: str, stage: str) -> User | None:
    try:
        answer = secretsmanager.get_secret_value(SecretId=secret_arn, VersionStage=stage)
    except ClientError as error:
        # Also what a refused rotation leaves: the label on a version without a value.
        if aws.code(error) == "ResourceNotFoundException":
            return None
        raise
    user = User.read(secret_arn, answer.get("SecretString", ""))
    log.confide(user.password)
    return user
