"""Secrets Manager.

Source: CloudFormation reference, AWS::SecretsManager::Secret, "Return values"; API reference,
PutSecretValue, GetSecretValue.
"""

from __future__ import annotations

import http
import json
from typing import Any

from ministack.core.responses import error_response_json, json_response
from ministack.services import secretsmanager
from ministack.services.cloudformation import provisioners

from local_aws.mends.handlers import answered


def install() -> None:
    """Install the mends of this room."""
    _names_are_unique()
    _generated_as_asked()
    _attachment_names_the_cluster()
    _ref_is_the_arn()
    _empty_version_is_not_found()
    _put_is_idempotent()


def _names_are_unique() -> None:
    # Wrong upstream: a template's secret overwrites one of the same name.
    handler = provisioners._RESOURCE_HANDLERS["AWS::SecretsManager::Secret"]
    create = handler["create"]

    def create_secret(logical_id: str, properties: dict[str, Any], stack: str) -> Any:
        name = properties.get("Name")
        if name and name in secretsmanager._secrets:
            raise ValueError(
                f"The operation failed because the secret {name} already exists. (Service: "
                "SecretsManager, Status Code: 400, Error Code: ResourceExistsException)"
            )
        return create(logical_id, properties, stack)

    handler["create"] = create_secret


def _generated_as_asked() -> None:
    # Wrong upstream: GenerateSecretString knows length and excluded characters only.
    def secret_string(properties: dict[str, Any]) -> str:
        wanted = properties.get("GenerateSecretString")
        if not wanted:
            return str(properties.get("SecretString", ""))
        options = {name: _option(name, value) for name, value in wanted.items()}
        answer = answered(secretsmanager._get_random_password(options), "GetRandomPassword")
        password = json.loads(answer)["RandomPassword"]
        if not wanted.get("SecretStringTemplate"):
            return str(password)
        template = json.loads(wanted["SecretStringTemplate"])
        return json.dumps(template | {wanted["GenerateStringKey"]: password})

    provisioners._sm_secret_string = secret_string


def _option(name: str, value: Any) -> Any:
    if name == "PasswordLength":
        return int(value)
    return value == "true" if value in ("true", "false") else value


def _attachment_names_the_cluster() -> None:
    # Wrong upstream: the identifier is not among what the attachment writes.
    upstream = provisioners._sm_target_connection

    def connection(kind: str, target: str) -> dict[str, Any]:
        key = "dbClusterIdentifier" if kind.endswith("DBCluster") else "dbInstanceIdentifier"
        return {**upstream(kind, target), key: target}

    provisioners._sm_target_connection = connection
    provisioners._SM_TARGET_KEYS += ("dbClusterIdentifier", "dbInstanceIdentifier")


def _ref_is_the_arn() -> None:
    # Wrong upstream: Ref of a secret is its name.
    handler = provisioners._RESOURCE_HANDLERS["AWS::SecretsManager::Secret"]
    create, update, delete = handler["create"], handler["update"], handler["delete"]

    def name_of(arn: str) -> str:
        return secretsmanager._resolve(arn)[0] or arn

    def by_arn(result: tuple[str, dict[str, Any]]) -> tuple[str, dict[str, Any]]:
        return result[1].get("Arn") or result[1]["Id"], result[1]

    handler["create"] = lambda *arguments: by_arn(create(*arguments))
    handler["update"] = lambda arn, *arguments: by_arn(update(name_of(arn), *arguments))
    handler["delete"] = lambda arn, properties: delete(name_of(arn), properties)


def _empty_version_is_not_found() -> None:
    # Wrong upstream: a staged version without a value is answered with 200.
    upstream = secretsmanager._get_secret_value

    def get_secret_value(data: dict[str, Any], *rest: Any) -> Any:
        _, secret = secretsmanager._resolve(data.get("SecretId"))
        stage = data.get("VersionStage") or "AWSCURRENT"
        version = data.get("VersionId")
        if secret and not version:
            version = secretsmanager._find_stage_version(secret, stage)[0]
        found = (secret or {}).get("Versions", {}).get(version)
        if found and found.get("SecretString") is None and found.get("SecretBinary") is None:
            return error_response_json(
                "ResourceNotFoundException",
                "Secrets Manager can't find the specified secret value for "
                f"{'VersionId' if data.get('VersionId') else 'staging label'}: "
                f"{data.get('VersionId') or stage}",
                400,
            )
        return upstream(data, *rest)

    secretsmanager._get_secret_value = get_secret_value


def _put_is_idempotent() -> None:
    # Wrong upstream: a second PutSecretValue with the same token makes a second version.
    upstream = secretsmanager._put_secret_value

    def put_secret_value(data: dict[str, Any]) -> Any:
        _, secret = secretsmanager._resolve(data.get("SecretId"))
        token = data.get("ClientRequestToken")
        version = (secret or {}).get("Versions", {}).get(token) or {}
        if secret is None or version.get("SecretString") is None:
            return _move_labels(secret, data, upstream(data))
        if version["SecretString"] != data.get("SecretString"):
            return error_response_json(
                "ResourceExistsException",
                f"You can't use ClientRequestToken {token} because that value is already in use "
                f"for a version of secret {secret['ARN']}.",
                400,
            )
        return json_response(
            {
                "ARN": secret["ARN"],
                "Name": secret["Name"],
                "VersionId": token,
                "VersionStages": list(version["Stages"]),
            }
        )

    secretsmanager._put_secret_value = put_secret_value


def _move_labels(secret: dict[str, Any] | None, data: dict[str, Any], answer: Any) -> Any:
    # Wrong upstream: a label other than AWSCURRENT stays on its old version too.
    if answer[0] == http.HTTPStatus.OK and secret is not None:
        version = json.loads(answer[2])["VersionId"]
        for label in data.get("VersionStages") or []:
            if label != "AWSCURRENT":
                secretsmanager._remove_stage_everywhere(secret, label, except_version_id=version)
    return answer
