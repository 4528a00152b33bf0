"""Secrets Manager.

Wrong upstream: Ref of a secret is its name; a template's secret overwrites one of the same name;
GenerateSecretString knows length and excluded characters only; attachments don't name the cluster;
a version without a value is found; PutSecretValue isn't idempotent, and leaves labels where they
were.
Source: CloudFormation reference, AWS::SecretsManager::Secret, "Return values"; API reference,
PutSecretValue, GetSecretValue.
Last needed: ministack 1.5.33.
"""

from __future__ import annotations

import http
import json
from typing import Any

from ministack.core.responses import error_response_json, json_response
from ministack.services import secretsmanager
from ministack.services.cloudformation import provisioners

from local_aws.mending import Mending
from local_aws.mends.cloudformation.handlers import answered


def install(mending: Mending) -> None:
    """Install the mends of this room."""
    kind = "AWS::SecretsManager::Secret"
    mending.handler(kind, "create", _create)
    mending.handler(kind, "update", _update)
    mending.handler(kind, "delete", _delete)
    mending.put(provisioners, "_sm_secret_string", _secret_string)
    mending.around(provisioners, "_sm_target_connection", _connection)
    keys = (*provisioners._SM_TARGET_KEYS, "dbClusterIdentifier", "dbInstanceIdentifier")
    mending.put(provisioners, "_SM_TARGET_KEYS", keys)
    mending.around(secretsmanager, "_get_secret_value", _get_secret_value)
    mending.around(secretsmanager, "_put_secret_value", _put_secret_value)


def _create(upstream: Any, logical_id: str, properties: dict[str, Any], stack: str) -> Any:
    # Wrong upstream: a template's secret overwrites one of the same name.
    name = properties.get("Name")
    if name and name in secretsmanager._secrets:
        raise ValueError(
            f"The operation failed because the secret {name} already exists. (Service: "
            "SecretsManager, Status Code: 400, Error Code: ResourceExistsException)"
        )
    return _by_arn(upstream(logical_id, properties, stack))


def _update(upstream: Any, arn: str, *arguments: Any) -> Any:
    return _by_arn(upstream(_name_of(arn), *arguments))


def _delete(upstream: Any, arn: str, properties: dict[str, Any]) -> Any:
    return upstream(_name_of(arn), properties)


def _by_arn(result: tuple[str, dict[str, Any]]) -> tuple[str, dict[str, Any]]:
    # Wrong upstream: Ref of a secret is its name.
    return result[1].get("Arn") or result[1]["Id"], result[1]


def _name_of(arn: str) -> str:
    return secretsmanager._resolve(arn)[0] or arn


def _secret_string(properties: dict[str, Any]) -> str:
    # Wrong upstream: GenerateSecretString knows length and excluded characters only.
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


def _option(name: str, value: Any) -> Any:
    if name == "PasswordLength":
        return int(value)
    return value == "true" if value in ("true", "false") else value


def _connection(upstream: Any, kind: str, target: str) -> dict[str, Any]:
    # Wrong upstream: the identifier is not among what the attachment writes.
    key = "dbClusterIdentifier" if kind.endswith("DBCluster") else "dbInstanceIdentifier"
    return {**upstream(kind, target), key: target}


def _get_secret_value(upstream: Any, data: dict[str, Any], *rest: Any) -> Any:
    # Wrong upstream: a staged version without a value is answered with 200.
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


def _put_secret_value(upstream: Any, data: dict[str, Any]) -> Any:
    # Wrong upstream: a second PutSecretValue with the same token makes a second version.
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


def _move_labels(secret: dict[str, Any] | None, data: dict[str, Any], answer: Any) -> Any:
    # Wrong upstream: a label other than AWSCURRENT stays on its old version too.
    if answer[0] == http.HTTPStatus.OK and secret is not None:
        version = json.loads(answer[2])["VersionId"]
        for label in data.get("VersionStages") or []:
            if label != "AWSCURRENT":
                secretsmanager._remove_stage_everywhere(secret, label, except_version_id=version)
    return answer
