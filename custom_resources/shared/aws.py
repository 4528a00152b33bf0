"""AWS clients with retries, and AWS's errors as sentences."""

from __future__ import annotations

from functools import cache
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from custom_resources.shared.failure import Failure

# Time-outs are short because a call that hangs would use up the whole ServiceTimeout.
_CONFIG = Config(connect_timeout=5, read_timeout=20)
_ATTEMPTS = 6


@cache
def client(service: str, attempts: int = _ATTEMPTS) -> Any:
    """The function's client of an AWS service; made once, as warm calls reuse it.

    Args:
        service: boto3's name of the service.
        attempts: how often a call that is throttled or fails for a passing reason is made in all.
    """
    retries = Config(retries={"mode": "standard", "total_max_attempts": attempts})
    return boto3.client(service, config=_CONFIG.merge(retries))


def code(error: ClientError) -> str:
    """The error code that AWS answered with, such as `ParameterNotFound`."""
    return str(error.response["Error"]["Code"])


def failure(error: ClientError | BotoCoreError) -> Failure:
    """An error of an AWS call as a sentence; AWS's own words name the permission that lacks."""
    if isinstance(error, ClientError):
        said = error.response["Error"].get("Message", "").rstrip(".")  # ParameterNotFound: nothing
        what = ": ".join(filter(None, (code(error), said)))
        return Failure(
            f"{error.operation_name} failed with {what}.",
            "Check the function's role, and that what it names exists.",
        )
    return Failure(
        f"An AWS call failed with {type(error).__name__}: {str(error).rstrip('.')}.",
        "Check that the function can reach AWS (NAT or VPC endpoints), then try again.",
    )
