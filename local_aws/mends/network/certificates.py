"""Certificates of ACM that aren't issued at once.

Wrong upstream: each is issued as soon as it is requested. Here one that is validated by e-mail
waits for ever, since nobody reads mail here; one that DNS validates is still issued at once.
Source: ACM user guide, "AWS Certificate Manager email validation".
Last needed: ministack 1.5.33.
"""

from __future__ import annotations

import json
from typing import Any

from ministack.services import acm

from local_aws.mending import Mending


def install(mending: Mending) -> None:
    """Let it wait."""
    mending.around(acm, "_request_certificate", _request_certificate)


def _request_certificate(upstream: Any, request: dict[str, Any]) -> Any:
    response = upstream(request)
    status, _headers, body = response
    if status < 400 and request.get("ValidationMethod") == "EMAIL":  # noqa: PLR2004 - HTTP
        made = acm._certificates[json.loads(body)["CertificateArn"]]
        made["Status"] = "PENDING_VALIDATION"
        for name in ("IssuedAt", "NotBefore", "NotAfter"):
            made.pop(name, None)
    return response
