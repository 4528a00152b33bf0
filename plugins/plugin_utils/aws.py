"""Clients of AWS, and its errors as sentences.

botocore without boto3 starts in half the time. It is imported, and its models are read, before
Ansible forks a worker for every task; the workers share them.
"""

from __future__ import annotations

import contextlib
import datetime
import gc
import os
from collections.abc import Mapping
from typing import Any, Self

from ansible_collections.quayside.fargate.plugins.plugin_utils import credentials, parent
from ansible_collections.quayside.fargate.plugins.plugin_utils.errors import StackError


class _EveryName:
    """Holds each service's name: whether botocore has its model is seen when it is opened.

    That way the services are there too that botocore itself needs for credentials: sts, sso,
    sso-oidc, signin, and what comes after them.
    """

    def __contains__(self, _name: object) -> bool:
        return True


def _loader() -> Any:
    """Return botocore's loader of service models, with what every deployment needs in it.

    It is told that a service is there: by itself it walks the folders of all four hundred, twice a
    client, to find that out.
    """
    loader = botocore.loaders.create_loader(os.environ.get("AWS_DATA_PATH"))
    loader.list_available_services = lambda _type_name: _EveryName()
    loader.load_data("endpoints")
    for model in ("service-2", "endpoint-rule-set-1"):
        loader.load_service_model("cloudformation", model, api_version=None)
    return loader


def _moment(value: Any) -> Any:
    """Read a timestamp as botocore does, but what Python itself can read by Python: in a tenth."""
    if isinstance(value, int | float):
        return datetime.datetime.fromtimestamp(value, datetime.UTC)
    if isinstance(value, str) and value[:1].isdigit() and "T" in value:
        with contextlib.suppress(ValueError):
            found = datetime.datetime.fromisoformat(value)
            return found if found.tzinfo else found.replace(tzinfo=datetime.UTC)
    return botocore.utils.parse_timestamp(value)


# What Ansible made so far lives until the end: taken out of the collector's sight, it isn't walked
# through at every collection, in every worker and at exit (a fifth of a no-op redeploy's time).
gc.freeze()
try:
    import botocore.config
    import botocore.loaders
    import botocore.session
    import botocore.utils
    from botocore import exceptions

    AwsError: tuple[type[Exception], ...] = (exceptions.BotoCoreError, exceptions.ClientError)
    _MISSING = None
    _LOADER = _loader()
except ImportError as error:
    AwsError = ()
    _MISSING = error
gc.freeze()

# The first that has CloudFormation's DescribeEvents; all plugins' documentation names it.
OLDEST = "1.40.76"
DENIED = frozenset(
    {"AccessDenied", "AccessDeniedException", "AuthorizationError", "UnauthorizedOperation"}
)
# botocore.retries.standard, ThrottledRetryableChecker: these of CloudFormation's kind.
_THROTTLED = frozenset(
    {
        *("RequestLimitExceeded", "RequestThrottled", "RequestThrottledException", "Throttling"),
        *("ThrottledException", "ThrottlingException", "TooManyRequestsException"),
    }
)
_SERVERS_FAULT = 500  # HTTP status
# ValueError: an endpoint that is no URL, a program that prints no JSON, a code that nobody types.
# OSError: a token's file or a program that isn't there.
_UNUSABLE: tuple[type[Exception], ...] = (*AwsError, ValueError, OSError)


class Account:
    """Makes the clients of one task, with its region, profile and endpoint.

    Raises: StackError if botocore is missing or there is no such profile.
    """

    def __init__(
        self, region: str | None = None, profile: str | None = None, endpoint_url: str | None = None
    ) -> None:
        _refuse_missing()
        self._session = botocore.session.Session(profile=profile)
        self._session.register_component("data_loader", _LOADER)
        parsers = self._session.get_component("response_parser_factory")
        parsers.set_parser_defaults(timestamp_parser=_moment)
        # botocore alone reads only AWS_DEFAULT_REGION; AWS's other SDKs and its CLI prefer this.
        # The session has it too: botocore's own clients, which fetch credentials, ask it.
        self._region = region or os.environ.get("AWS_REGION") or None
        if self._region:
            self._session.set_config_variable("region", self._region)
        self._endpoint_url = endpoint_url

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> Self:
        """Return what a task's options region, profile and endpoint_url name."""
        return cls(options["region"], options["profile"], options["endpoint_url"])

    @property
    def region(self) -> str | None:
        """The region of its clients: the option's, the environment's or the profile's.

        Raises: StackError if there is no such profile.
        """
        try:
            return self._session.get_config_variable("region") or None
        except _UNUSABLE as error:
            raise StackError(explain(error, "Finding the region")) from error

    def credentials_from(self) -> str:
        """Fetch the credentials, and return where botocore found them, such as ``assume-role``.

        Raises: StackError if there are none, or who gives them refuses.
        """
        try:
            chain = self._session.get_component("credential_provider")
            chain.get_provider("assume-role")._prompter = credentials.no_keyboard
            found = self._session.get_credentials()
            if found is None:
                raise exceptions.NoCredentialsError
            found.get_frozen_credentials()
        except _UNUSABLE as error:
            raise StackError(explain(error, "Getting AWS credentials")) from error
        return str(found.method)

    def client(self, service: str, connections: int = 10, patience: int = 0) -> Any:
        """Return a client that repeats throttled and passing failures (botocore: standard mode).

        Args:
            service: such as ``ecs``.
            connections: how many of its calls go at the same time without a connection each.
            patience: seconds that an answer may take; such a call is made once. 0 for a minute.

        Raises: StackError if region, profile, credentials or endpoint are no use.
        """
        # Not left to the first call: what fails there is no error of AWS's, and no sentence.
        self.credentials_from()
        config = botocore.config.Config(
            retries={"mode": "standard", "total_max_attempts": 1 if patience else 6},
            connect_timeout=10,
            read_timeout=patience or 60,
            max_pool_connections=connections,
            user_agent_extra="quayside.fargate",
        )
        try:
            client = self._session.create_client(
                service, region_name=self._region, endpoint_url=self._endpoint_url, config=config
            )
        except _UNUSABLE as error:
            raise StackError(explain(error, f"Making a client for {service}")) from error
        client.meta.events.register("before-call", parent.guard)
        return client


def partitions() -> list[dict[str, Any]]:
    """Return AWS's partitions as botocore knows them (its partitions.json).

    Raises: StackError if botocore is missing.
    """
    _refuse_missing()
    return list(_LOADER.load_data("partitions")["partitions"])


def lacks(client: Any, operation: str) -> str:
    """Return two sentences if botocore is too old to know an operation, or else "".

    Args:
        client: botocore's.
        operation: such as ``describe_events``.
    """
    if hasattr(client, operation):
        return ""
    name = "".join(word.capitalize() for word in operation.split("_"))
    return (
        f"botocore {botocore.__version__} has no {name}. Install botocore >= {OLDEST} for the "
        "Python that runs ansible-playbook."
    )


def known(client: Any, operation: str, members: Mapping[str, Any]) -> dict[str, Any]:
    """Return those members of a request that this botocore knows.

    Args:
        client: botocore's.
        operation: such as ``describe_change_set``.
        members: of its request.
    """
    model = client.meta.service_model.operation_model(client.meta.method_to_api_mapping[operation])
    return {name: value for name, value in members.items() if name in model.input_shape.members}


def _refuse_missing() -> None:
    if _MISSING:
        raise StackError(
            f"botocore can't be imported: {_MISSING}. Install it for the Python that runs "
            "ansible-playbook: pip install botocore."
        )


def code(error: Exception) -> str:
    """Return AWS's error code, or "" for a failure on the way to AWS."""
    response = getattr(error, "response", None) or {}
    return str(response.get("Error", {}).get("Code", ""))


def is_passing(error: Exception) -> bool:
    """Say whether the same call may well be answered the next time: throttled, cut, AWS's fault."""
    response = getattr(error, "response", None) or {}
    status = response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    on_the_way = isinstance(error, exceptions.HTTPClientError)
    return on_the_way or code(error) in _THROTTLED or status >= _SERVERS_FAULT


def message(error: Exception) -> str:
    """Return AWS's own words; some errors have none."""
    response = getattr(error, "response", None) or {}
    return str(response.get("Error", {}).get("Message") or str(error).rstrip(": "))


def explain(error: Exception, doing: str) -> str:
    """Return what failed and what to do about it, in two sentences."""
    return f"{doing} failed: {message(error).rstrip('.')}. {_advice(error)}."


def _advice(error: Exception) -> str:
    if isinstance(error, exceptions.NoRegionError):
        return "Give option region, or set AWS_REGION"
    if isinstance(error, (exceptions.ConnectionError, exceptions.HTTPClientError)):
        return "Check the network, the region and AWS_ENDPOINT_URL"
    denied = "Give the deploying role this permission" if code(error) in DENIED else ""
    other = denied or "Mend that, and run the playbook again"
    return credentials.remedy(error, code(error)) or other
