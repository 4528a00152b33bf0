"""Custom resources: where they send their answer, and what CloudFormation makes of it.

Source: CloudFormation user guide, "Custom resource response objects".
"""

from __future__ import annotations

import json
from typing import Any

from ministack.core.responses import new_uuid
from ministack.services.cloudformation import custom_resource

from local_aws.mends.handlers import UnfinishedError
from local_aws.settings import Settings

_LONGEST_RESPONSE = 4096  # bytes


class _Reason(str):
    """Why a custom resource failed, and of which resource it spoke."""

    physical_id = ""


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
        reason = _Reason(response.get("Reason", "Custom resource reported FAILED"))
        reason.physical_id = str(response.get("PhysicalResourceId") or "")
        return bool(upstream(token, response | {"Reason": reason}))

    custom_resource.deliver_response = deliver


def _reasons() -> None:
    # Wrong upstream: the events give other sentences than CloudFormation's. And a creation that
    # failed, or wasn't answered, is forgotten, while AWS asks for its deletion.
    upstream = custom_resource.invoke_custom_resource

    def invoke(
        request: str, logical_id: str, properties: Any, stack: str, *rest: Any, **options: Any
    ) -> Any:
        physical_id = ""
        try:
            return upstream(request, logical_id, properties, stack, *rest, **options)
        except TimeoutError:
            reason = (
                "CloudFormation did not receive a response from your Custom Resource. "
                "Please check your logs for requestId."
            )
        except RuntimeError as error:
            physical_id = getattr(error.args[0], "physical_id", "")
            reason = (
                f"Received response status [FAILED] from custom resource. Message returned: {error}"
            )
        if request != "Create":
            raise RuntimeError(reason)
        raise UnfinishedError(reason, physical_id or f"{stack}-{logical_id}-{new_uuid()[:8]}", {})

    custom_resource.invoke_custom_resource = invoke
