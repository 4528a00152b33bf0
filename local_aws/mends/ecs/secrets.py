"""The secrets of a container definition.

Wrong upstream: a SecureString is injected encrypted; version stage and version id are ignored.
Source: Amazon ECS developer guide, "Pass sensitive data to an Amazon ECS container".
Last needed: ministack 1.5.33. Not shown by a probe: without Docker upstream starts no
container that could have one.
"""

from __future__ import annotations

import json
from typing import Any

from ministack.services import ecs, secretsmanager, ssm

from local_aws.mending import Mending

_ARN_PARTS = 7  # of a secret's ARN; :json-key:version-stage:version-id may follow


def install(mending: Mending) -> None:
    """Replace how secrets become environment variables."""
    mending.put(ecs, "_resolve_container_secrets", _resolve)


def _resolve(definition: dict[str, Any]) -> dict[str, str]:
    return {
        secret["name"]: _value(secret["valueFrom"]) for secret in definition.get("secrets") or []
    }


def _value(reference: str) -> str:
    if ":secretsmanager:" in reference:
        return _of_secret(reference)
    value = ssm.resolve_parameter_value(reference, decrypt=True)
    if value is None:
        raise ecs._SecretResolutionError(
            "unable to retrieve secrets from ssm: service call has been retried 1 time(s): "
            f"invalid parameters: {reference}"
        )
    return str(value)


def _of_secret(reference: str) -> str:
    parts = reference.split(":")
    arn = ":".join(parts[:_ARN_PARTS])
    key, stage, version = (*parts[_ARN_PARTS:], "", "", "")[:3]
    value = secretsmanager.resolve_secret_string(arn, stage or "AWSCURRENT", version or None)
    if value is None:
        raise ecs._SecretResolutionError(
            "unable to retrieve secret from asm: service call has been retried 1 time(s): failed "
            f"to fetch secret {arn} from secrets manager: ResourceNotFoundException: "
            "Secrets Manager can't find the specified secret."
        )
    if not key:
        return str(value)
    try:
        return str(json.loads(value)[key])
    except (ValueError, KeyError, TypeError):
        raise ecs._SecretResolutionError(
            "unable to retrieve secret from asm: service call has been retried 1 time(s): "
            f"retrieved secret from Secrets Manager did not contain json key {key}"
        ) from None
