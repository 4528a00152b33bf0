"""Custom resources: where they send their answer, and what CloudFormation makes of it.

Source: CloudFormation user guide, "Custom resource response objects".
"""

from __future__ import annotations

import json
from typing import Any

from ministack.services.cloudformation import custom_resource

from local_aws.settings import Settings

_LONGEST_RESPONSE = 4096  # bytes


def install(settings: Settings) -> None:
    """Install the mends of this room."""
    _https_response_url(settings)
    _response_limit()
    _reasons()


def _https_response_url(settings: Settings) -> None:
    # Wrong upstream: the URL is plain HTTP, while crhelper always speaks TLS: its answer never
    # arrives.
    def response_url(token: str) -> str:
        return f"https://localhost:{settings.tls_port}/_ministack/cfn-response/{token}"

    custom_resource._response_url = response_url


def _response_limit() -> None:
    # Wrong upstream: a response may have any length.
    upstream = custom_resource.deliver_response

    def deliver(token: str, response: dict[str, Any]) -> bool:
        if len(json.dumps(response).encode()) > _LONGEST_RESPONSE:
            response = {"Status": "FAILED", "Reason": "Response object is too long."}
        return bool(upstream(token, response))

    custom_resource.deliver_response = deliver


def _reasons() -> None:
    # Wrong upstream: the events give other sentences than CloudFormation's.
    upstream = custom_resource.invoke_custom_resource

    def invoke(*arguments: Any, **options: Any) -> Any:
        try:
            return upstream(*arguments, **options)
        except TimeoutError:
            raise TimeoutError(
                "CloudFormation did not receive a response from your Custom Resource. "
                "Please check your logs for requestId."
            ) from None
        except RuntimeError as error:
            raise RuntimeError(
                f"Received response status [FAILED] from custom resource. Message returned: {error}"
            ) from error

    custom_resource.invoke_custom_resource = invoke
