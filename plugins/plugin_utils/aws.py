"""Clients of AWS and its errors as sentences. botocore alone: it starts in half boto3's time."""

from __future__ import annotations

import os
from typing import Any

from ansible_collections.quayside.fargate.plugins.plugin_utils.errors import StackError

try:
    import botocore.config
    import botocore.session
    from botocore import exceptions
except ImportError as error:
    raise StackError(
        f"botocore can't be imported: {error}. Install it for the Python that runs "
        "ansible-playbook (pip install botocore)."
    ) from error

AwsError = (exceptions.BotoCoreError, exceptions.ClientError)
DENIED = ("AccessDenied", "AccessDeniedException", "UnauthorizedOperation")
_CREDENTIALS = ("ExpiredToken", "InvalidClientTokenId", "UnrecognizedClientException")


class Account:
    """Makes the clients of one deployment, with its region, profile and endpoint."""

    def __init__(
        self, region: str | None = None, profile: str | None = None, endpoint_url: str | None = None
    ) -> None:
        self._session = botocore.session.Session(profile=profile)
        # botocore alone reads only AWS_DEFAULT_REGION; AWS's other SDKs and its CLI prefer this.
        self._region = region or os.environ.get("AWS_REGION")
        self._endpoint_url = endpoint_url

    def client(self, service: str) -> Any:
        """Return a client that repeats throttled and passing failures (botocore: standard mode).

        Raises: StackError if region, profile or endpoint are no use.
        """
        config = botocore.config.Config(
            retries={"mode": "standard", "total_max_attempts": 8},
            connect_timeout=10,
            read_timeout=60,
            user_agent_extra="quayside.fargate",
        )
        try:
            return self._session.create_client(
                service,
                region_name=self._region,
                endpoint_url=self._endpoint_url,
                config=config,
            )
        except (*AwsError, ValueError) as error:
            raise StackError(explain(error, f"Making a client for {service}")) from error


def code(error: Exception) -> str:
    """Return AWS's error code, or "" for a failure on the way to AWS."""
    response = getattr(error, "response", None) or {}
    return str(response.get("Error", {}).get("Code", ""))


def message(error: Exception) -> str:
    """Return AWS's own words."""
    response = getattr(error, "response", None) or {}
    return str(response.get("Error", {}).get("Message") or error)


def explain(error: Exception, doing: str) -> str:
    """Return what failed and what to do about it, in two sentences."""
    said = message(error).rstrip(".")
    if code(error) in DENIED:
        advice = "Give the deploying role this permission"
    elif code(error) in _CREDENTIALS or isinstance(error, exceptions.NoCredentialsError):
        advice = "Log in to AWS again, or set AWS_PROFILE or option profile"
    elif isinstance(error, exceptions.NoRegionError):
        advice = "Give option region, or set AWS_REGION"
    elif isinstance(error, exceptions.ConnectionError):
        advice = "Check the network, the region and AWS_ENDPOINT_URL"
    else:
        advice = "Mend that, and run the playbook again"
    return f"{doing} failed: {said}. {advice}."
