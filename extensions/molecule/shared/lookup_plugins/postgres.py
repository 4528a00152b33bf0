"""Lookup: what PostgreSQL answers to a user who logs in with a password that AWS keeps."""

from __future__ import annotations

import json
from typing import Any

import boto3
import psycopg2
from ansible.errors import AnsibleLookupError
from ansible.plugins.lookup import LookupBase


class LookupModule(LookupBase):  # type: ignore[misc]
    """query('postgres', 'select current_user', secret='shop/orders/db/blue', database='orders').

    The password never becomes a variable of the play, so no task can show it.
    """

    def run(
        self,
        terms: list[str],
        variables: Any = None,  # noqa: ARG002 - Ansible gives it
        *,
        database: str,
        refusal: bool = False,
        **login: Any,
    ) -> list[Any]:
        """Return the first column of a statement's rows, or [] if it has none.

        Args:
            terms: the statement; what it does stays.
            variables: of the play, not used.
            database: to connect to.
            refusal: return PostgreSQL's words when it refuses, instead of failing.
            login: the name of a secret (secret), perhaps with a label (stage); or a parameter with
                the password (parameter), with username, host and port.

        Raises: AnsibleLookupError when PostgreSQL refuses.
        """
        (statement,) = map(str, terms)
        login = secret_of(**login) if "secret" in login else parameter_of(**login)
        try:
            connection = psycopg2.connect(
                host=login["host"],
                port=login["port"],
                user=login["username"],
                password=login["password"],
                dbname=str(database),
                connect_timeout=10,
            )
            with connection, connection.cursor() as cursor:
                cursor.execute(statement)
                rows = cursor.fetchall() if cursor.description else []
            connection.close()
        except psycopg2.Error as error:
            if refusal:
                return [str(error).strip()]
            raise AnsibleLookupError(str(error).strip()) from None
        return [row[0] for row in rows]


def secret_of(secret: str, stage: str = "AWSCURRENT") -> dict[str, Any]:
    """Return the login that a secret of Secrets Manager holds."""
    client = boto3.client("secretsmanager")
    value = client.get_secret_value(SecretId=str(secret), VersionStage=str(stage))
    return dict(json.loads(value["SecretString"]))


def parameter_of(parameter: str, **login: Any) -> dict[str, Any]:
    """Return a login whose password is a parameter of the Parameter Store."""
    value = boto3.client("ssm").get_parameter(Name=str(parameter), WithDecryption=True)
    return {name: str(given) for name, given in login.items()} | {
        "password": value["Parameter"]["Value"]
    }
