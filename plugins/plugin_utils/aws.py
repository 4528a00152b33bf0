"""Clients of AWS, and its errors as sentences.

botocore without boto3 starts in half the time. It is imported, and its models are read, before
Ansible forks a worker for every task; the workers share them.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Mapping
from typing import Any, Self

from ansible_collections.quayside.fargate.plugins.plugin_utils.errors import StackError

_SERVICES = {"cloudformation"}  # those that clients were asked for


def _loader() -> Any:
    """Return botocore's loader of service models, with what every deployment needs in it.

    It is told that a service is there: by itself it walks the folders of all four hundred, twice a
    client, to find that out.
    """
    loader = botocore.loaders.create_loader(os.environ.get("AWS_DATA_PATH"))
    loader.list_available_services = lambda _type_name: _SERVICES
    loader.load_data("endpoints")
    for model in ("service-2", "endpoint-rule-set-1"):
        loader.load_service_model("cloudformation", model, api_version=None)
    return loader


# What Ansible made so far lives until the end: taken out of the collector's sight, it isn't walked
# through at every collection, in every worker and at exit (a fifth of a no-op redeploy's time).
gc.freeze()
try:
    import botocore.config
    import botocore.loaders
    import botocore.session
    from botocore import exceptions

    AwsError: tuple[type[Exception], ...] = (exceptions.BotoCoreError, exceptions.ClientError)
    _MISSING = None
    _LOADER = _loader()
except ImportError as error:
    AwsError = ()
    _MISSING = error
gc.freeze()

DENIED = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"})
_CREDENTIALS = frozenset({"ExpiredToken", "InvalidClientTokenId", "UnrecognizedClientException"})
# ValueError: an endpoint that is no URL.
_UNUSABLE: tuple[type[Exception], ...] = (*AwsError, ValueError)


class Account:
    """Makes the clients of one task, with its region, profile and endpoint.

    Raises: StackError if botocore is missing or there is no such profile.
    """

    def __init__(
        self, region: str | None = None, profile: str | None = None, endpoint_url: str | None = None
    ) -> None:
        if _MISSING:
            raise StackError(
                f"botocore can't be imported: {_MISSING}. Install it for the Python that runs "
                "ansible-playbook: pip install botocore."
            )
        self._session = botocore.session.Session(profile=profile)
        self._session.register_component("data_loader", _LOADER)
        # botocore alone reads only AWS_DEFAULT_REGION; AWS's other SDKs and its CLI prefer this.
        self._region = region or os.environ.get("AWS_REGION")
        self._endpoint_url = endpoint_url

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> Self:
        """Return what a task's options region, profile and endpoint_url name."""
        return cls(options["region"], options["profile"], options["endpoint_url"])

    def client(self, service: str) -> Any:
        """Return a client that repeats throttled and passing failures (botocore: standard mode).

        Raises: StackError if region, profile or endpoint are no use.
        """
        config = botocore.config.Config(
            retries={"mode": "standard", "total_max_attempts": 6},
            connect_timeout=10,
            read_timeout=60,
            user_agent_extra="quayside.fargate",
        )
        _SERVICES.add(service)
        try:
            return self._session.create_client(
                service, region_name=self._region, endpoint_url=self._endpoint_url, config=config
            )
        except _UNUSABLE as error:
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
    return f"{doing} failed: {message(error).rstrip('.')}. {advice}."
