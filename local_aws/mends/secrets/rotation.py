"""Rotation of secrets by a Lambda function.

Wrong upstream: RotateSecret copies the old value, answers 200 and calls nobody. Still missing:
events by CloudTrail. How often and how soon AWS reattempts a failed rotation is not documented;
here it is a few times, soon, as long as the version is still pending.
Source: Secrets Manager user guide, "Rotation by Lambda function"; API reference, RotateSecret.
Last needed: ministack 1.5.33.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from typing import Any

from ministack.core.concurrency import spawn_background
from ministack.core.responses import error_response_json, json_response, new_uuid
from ministack.services import lambda_svc, secretsmanager

from local_aws.mending import Mending
from local_aws.settings import LATEST

_STEPS = ("createSecret", "setSecret", "testSecret", "finishSecret")
_PRINCIPAL = "secretsmanager.amazonaws.com"
_ATTEMPTS = 5
_PAUSE = 2.0  # seconds between them
_between_steps = 0.0  # seconds, until what the last step wrote can be read
_log = logging.getLogger("local_aws.rotation")
_running: set[tuple[str, str]] = set()
_lock = threading.Lock()

Secret = dict[str, Any]


def install(mending: Mending) -> None:
    """Let RotateSecret rotate."""
    global _between_steps  # noqa: PLW0603 - set once, at start
    _between_steps = LATEST if mending.settings.strict else 0
    mending.put(secretsmanager, "_rotate_secret", rotate_secret)


def rotate_secret(data: dict[str, Any]) -> Any:
    """Do what the API does."""
    _, secret = secretsmanager._resolve(data.get("SecretId"))
    refusal = _refusal(secret, data)
    if refusal:
        return error_response_json(*refusal, 400)
    function = data.get("RotationLambdaARN") or secret["RotationLambdaARN"]
    pending, version = secretsmanager._find_stage_version(secret, "AWSPENDING")
    token = data.get("ClientRequestToken") or new_uuid()
    if pending and pending != token and "AWSCURRENT" not in version["Stages"]:
        _in_background(secret, function, pending, _STEPS)
        return error_response_json(
            "InvalidRequestException",
            "A previous rotation isn't complete. That rotation will be reattempted.",
            400,
        )
    secret.update(RotationLambdaARN=function, RotationEnabled=True)
    if data.get("RotationRules"):
        secret["RotationRules"] = data["RotationRules"]
    secret["Versions"].setdefault(
        token,
        {
            "SecretString": None,
            "SecretBinary": None,
            "CreatedDate": int(time.time()),
            "Stages": ["AWSPENDING"],
        },
    )
    at_once = data.get("RotateImmediately", True) is not False
    _in_background(secret, function, token, _STEPS if at_once else ("testSecret",))
    return json_response({"ARN": secret["ARN"], "Name": secret["Name"], "VersionId": token})


def _refusal(secret: Secret | None, data: dict[str, Any]) -> tuple[str, str] | None:
    if secret is None:
        return (
            "ResourceNotFoundException",
            "Secrets Manager can't find the specified secret.",
        )
    if secret.get("DeletedDate"):
        return (
            "InvalidRequestException",
            "You can't perform this operation on the secret because it was marked for deletion.",
        )
    arn = data.get("RotationLambdaARN") or secret.get("RotationLambdaARN")
    if not arn:
        return (
            "InvalidRequestException",
            "No Lambda rotation function ARN is associated with this secret.",
        )
    function = lambda_svc._get_func_record_for_ref(arn)[0]
    if function is None or not _may_invoke(function):
        return (
            "AccessDeniedException",
            f"Secrets Manager cannot invoke the specified Lambda function. Ensure that the "
            f"function policy grants access to the principal {_PRINCIPAL}.",
        )
    return None


def _may_invoke(function: dict[str, Any]) -> bool:
    return any(
        _PRINCIPAL in json.dumps(statement.get("Principal", ""))
        for statement in function["policy"]["Statement"]
    )


def _in_background(secret: Secret, function: str, token: str, steps: tuple[str, ...]) -> None:
    spawn_background(
        _run, secret, function, token, steps, thread_name=f"rotate-{secret['Name'][-20:]}"
    )


def _run(secret: Secret, function: str, token: str, steps: tuple[str, ...]) -> None:
    key = (secret["ARN"], token)
    with _lock:
        if key in _running:
            return
        _running.add(key)
    try:
        for attempt in range(_ATTEMPTS if steps == _STEPS else 1):
            time.sleep(_PAUSE if attempt else 0)
            if not _is_pending(secret, token):
                break
            if all(_step(secret, function, token, step) for step in steps):
                if steps == _STEPS:
                    _finish(secret, token)
                break
    finally:
        with _lock:
            _running.discard(key)
        version = secret["Versions"].get(token)
        if steps != _STEPS and version and version["SecretString"] is None:
            secret["Versions"].pop(token)  # was there for the test alone


def _is_pending(secret: Secret, token: str) -> bool:
    known = secretsmanager._resolve(secret["ARN"])[1] is secret
    return known and "AWSPENDING" in secret["Versions"].get(token, {}).get("Stages", [])


def _step(secret: Secret, arn: str, token: str, step: str) -> bool:
    record, configuration, _ = lambda_svc._get_func_record_for_ref(arn)
    if record is None:
        return False
    function = lambda_svc._execution_record_for_config(record, configuration)
    time.sleep(_between_steps)
    event = {"Step": step, "SecretId": secret["ARN"], "ClientRequestToken": token}
    result = lambda_svc._execute_function_with_config_scope(function, event)
    if result.get("error") or result.get("throttle"):
        _log.error("the rotation of %s failed at %s", secret["Name"], step)
        return False
    return True


def _finish(secret: Secret, token: str) -> None:
    stages = secret["Versions"].get(token, {}).get("Stages", [])
    if "AWSCURRENT" in stages:
        if "AWSPENDING" in stages:
            stages.remove("AWSPENDING")
        secret["LastRotatedDate"] = secret["LastChangedDate"] = int(time.time())
