"""Custom resources: where they send their answer, and what CloudFormation makes of it.

Wrong upstream: the URL for answers is plain HTTP; an answer may have any length; events give other
sentences than CloudFormation's; and a creation that failed isn't deleted.
Source: CloudFormation user guide, "Custom resource response objects".
Last needed: ministack 1.5.33.
"""

from __future__ import annotations

import json
from typing import Any

from ministack.core.responses import new_uuid
from ministack.services.cloudformation import custom_resource

from local_aws.mending import Mending
from local_aws.mends.cloudformation.handlers import UnfinishedError

_LONGEST_RESPONSE = 4096  # bytes


class _Reason(str):
    """Why a custom resource failed, and of which resource it spoke."""

    physical_id = ""


def install(mending: Mending) -> None:
    """Install the mends of this room."""

    # Wrong upstream: the URL is plain HTTP, while crhelper always speaks TLS: its answer never
    # arrives.
    def response_url(token: str) -> str:
        return f"https://localhost:{mending.settings.tls_port}/_ministack/cfn-response/{token}"

    mending.put(custom_resource, "_response_url", response_url)
    mending.around(custom_resource, "deliver_response", _deliver)
    mending.around(custom_resource, "invoke_custom_resource", _invoke)


def _deliver(upstream: Any, token: str, response: dict[str, Any]) -> bool:
    # Wrong upstream: a response may have any length.
    if len(json.dumps(response).encode()) > _LONGEST_RESPONSE:
        response = {"Status": "FAILED", "Reason": "Response object is too long."}
    reason = _Reason(response.get("Reason", "Custom resource reported FAILED"))
    reason.physical_id = str(response.get("PhysicalResourceId") or "")
    return bool(upstream(token, response | {"Reason": reason}))


def _invoke(
    upstream: Any,
    request: str,
    logical_id: str,
    properties: Any,
    stack: str,
    *rest: Any,
    **options: Any,
) -> Any:
    # Wrong upstream: the events give other sentences than CloudFormation's. And a creation that
    # failed, or wasn't answered, is forgotten, while AWS asks for its deletion.
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
