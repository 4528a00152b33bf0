"""Schedules of rotations.

Wrong upstream: there is no AWS::SecretsManager::RotationSchedule, and no NextRotationDate. A
schedule has no clock of its own: `LocalAws.rotate_as_scheduled` tells what time it is. Still
missing: rate().
Source: Secrets Manager user guide, "Rotation schedules"; API reference, DescribeSecret;
CloudFormation reference, RotationSchedule.
Last needed: ministack 1.5.33.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

from ministack.core.responses import json_response
from ministack.services import eventbridge, secretsmanager

from local_aws.controls import control
from local_aws.mending import Mending
from local_aws.mends.cloudformation.handlers import Created, Properties, answered
from local_aws.mends.secrets.rotation import Secret, rotate_secret


def install(mending: Mending) -> None:
    """Tell of schedules, and take those of templates."""
    mending.around(secretsmanager, "_describe_secret", _describe)
    handler = {
        "create": _create_schedule,
        "update": lambda _, __, new, stack: _create_schedule("", new, stack),
        "delete": _delete_schedule,
    }
    mending.lacking("_RESOURCE_HANDLERS", "AWS::SecretsManager::RotationSchedule", handler)


def _describe(upstream: Any, data: dict[str, Any]) -> Any:
    answer = upstream(data)
    _, secret = secretsmanager._resolve(data.get("SecretId"))
    dates = _rotation_dates(secret) if secret else {}
    return json_response(json.loads(answer[2]) | dates) if dates else answer


def _rotation_dates(secret: Secret) -> dict[str, int]:
    dates = {}
    if secret.get("LastRotatedDate"):
        dates["LastRotatedDate"] = secret["LastRotatedDate"]
    window = _next_window(secret, datetime.now(UTC)) if secret.get("RotationEnabled") else None
    if window:
        # "scheduled to occur on or before this date": the last second of the window
        dates["NextRotationDate"] = int(window[1].timestamp()) - 1
    return dates


@control("rotate")
def rotate_as_scheduled(moment: str) -> list[str]:
    """Start the rotations whose window begins in the minute of `moment` (ISO 8601, UTC).

    Returns:
        the names of their secrets.
    """
    minute = datetime.fromisoformat(moment).replace(second=0, microsecond=0)
    before = minute - timedelta(seconds=1)
    due = []
    for secret in list(secretsmanager._secrets.values()):
        window = _next_window(secret, before) if secret.get("RotationEnabled") else None
        if window and window[0] == minute:
            rotate_secret({"SecretId": secret["ARN"]})
            due.append(str(secret["Name"]))
    return due


def _next_window(secret: Secret, after: datetime) -> tuple[datetime, datetime] | None:
    rules = secret.get("RotationRules") or {}
    fields = eventbridge._parse_cron_fields(rules.get("ScheduleExpression") or "")
    start = eventbridge._cron_next_fire(fields, after) if fields else None
    if start is None:
        return None
    hours = re.fullmatch(r"(\d+)h", rules.get("Duration") or "")
    midnight = start.replace(hour=0, minute=0) + timedelta(days=1)
    end = start + timedelta(hours=int(hours[1])) if hours else midnight
    return start, min(end, midnight)


def _create_schedule(_: str, properties: Properties, __: str) -> Created:
    at_once = str(properties.get("RotateImmediatelyOnUpdate", True)).lower() != "false"
    answer = answered(
        rotate_secret(
            {
                "SecretId": properties["SecretId"],
                "RotationLambdaARN": properties.get("RotationLambdaARN"),
                "RotationRules": properties.get("RotationRules") or {},
                "RotateImmediately": at_once,
            }
        ),
        "RotateSecret",
    )
    return json.loads(answer)["ARN"], {}


def _delete_schedule(secret_arn: str, _: Properties) -> None:
    _, secret = secretsmanager._resolve(secret_arn)
    if secret:
        secret["RotationEnabled"] = False
        secret.pop("RotationRules", None)
