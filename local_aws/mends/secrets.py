"""Secrets Manager.

Source: CloudFormation reference, AWS::SecretsManager::Secret, "Return values"; API reference,
PutSecretValue, GetSecretValue.
"""

from __future__ import annotations

from typing import Any

from ministack.core.responses import error_response_json, json_response
from ministack.services import secretsmanager
from ministack.services.cloudformation import provisioners


def install() -> None:
    """Install the mends of this room."""
    _ref_is_the_arn()
    _empty_version_is_not_found()
    _put_is_idempotent()


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
            return upstream(data)
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
