"""A rotation function in the form of AWS's own for PostgreSQL and a single user.

It has no guard, knows no label but Secrets Manager's, and sends ALTER USER without more ado. The
real one can't run here: it comes with a driver of its own, and AWS alone deploys it.

Source: Secrets Manager user guide, "Rotation function templates", RDS PostgreSQL single user: how
its steps move labels, and in which order they try the versions.
"""

from __future__ import annotations

import json
from typing import Any

import boto3
import psycopg2


def lambda_handler(event: dict[str, str], _context: object) -> None:
    """Do one step."""
    client, secret, token = (
        boto3.client("secretsmanager"),
        event["SecretId"],
        event["ClientRequestToken"],
    )
    stages = client.describe_secret(SecretId=secret)["VersionIdsToStages"]
    if token not in stages:
        raise ValueError("The version has no stage.")
    if "AWSCURRENT" in stages[token]:
        return
    steps = {"createSecret": create, "setSecret": set_, "testSecret": test, "finishSecret": finish}
    steps[event["Step"]](client, secret, token)


def create(client: Any, secret: str, token: str) -> None:
    """Make a version with a new password, unless it is there."""
    current = value(client, secret, VersionStage="AWSCURRENT")
    try:
        value(client, secret, VersionId=token, VersionStage="AWSPENDING")
    except client.exceptions.ResourceNotFoundException:
        answer = client.get_random_password(ExcludePunctuation=True)
        client.put_secret_value(
            SecretId=secret,
            ClientRequestToken=token,
            SecretString=json.dumps(current | {"password": answer["RandomPassword"]}),
            VersionStages=["AWSPENDING"],
        )


def set_(client: Any, secret: str, token: str) -> None:
    """Set it, logged in with the first of pending, current and previous that works."""
    pending = value(client, secret, VersionId=token, VersionStage="AWSPENDING")
    if connect(pending):
        return
    connection = connect(value(client, secret, VersionStage="AWSCURRENT"))
    if not connection:
        connection = connect(value(client, secret, VersionStage="AWSPREVIOUS"))
    with connection.cursor() as cursor:
        cursor.execute("SELECT quote_ident(%s)", (pending["username"],))
        (user,) = cursor.fetchone()
        cursor.execute(f"ALTER USER {user} WITH PASSWORD %s", (pending["password"],))
        connection.commit()


def test(client: Any, secret: str, token: str) -> None:
    """Log in with it."""
    if not connect(value(client, secret, VersionId=token, VersionStage="AWSPENDING")):
        raise ValueError("The new password doesn't log in.")


def finish(client: Any, secret: str, token: str) -> None:
    """Move AWSCURRENT, and no other label."""
    stages = client.describe_secret(SecretId=secret)["VersionIdsToStages"]
    current = next(version for version, labels in stages.items() if "AWSCURRENT" in labels)
    client.update_secret_version_stage(
        SecretId=secret,
        VersionStage="AWSCURRENT",
        MoveToVersionId=token,
        RemoveFromVersionId=current,
    )


def value(client: Any, secret: str, **which: str) -> dict[str, Any]:
    """A version's value."""
    answer = client.get_secret_value(SecretId=secret, **which)
    return dict(json.loads(answer["SecretString"]))


def connect(login: dict[str, Any]) -> Any:
    """A connection, to the database postgres if the secret names none; None if it is refused."""
    try:
        return psycopg2.connect(
            host=login["host"],
            port=login["port"],
            user=login["username"],
            password=login["password"],
            dbname=login.get("dbname", "postgres"),
            sslmode="require",
        )
    except psycopg2.OperationalError:
        return None
