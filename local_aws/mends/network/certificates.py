"""Certificates of ACM that aren't issued at once.

Wrong upstream: each is issued as soon as it is requested. Here one that is validated by e-mail
waits for ever, since nobody reads mail here; one that DNS validates is still issued at once.
Source: ACM user guide, "AWS Certificate Manager email validation".
"""

from __future__ import annotations

import json
from typing import Any

from ministack.services import acm


def install() -> None:
    """Let it wait."""
    upstream = acm._request_certificate

    def request_certificate(request: dict[str, Any]) -> Any:
        response = upstream(request)
        status, _headers, body = response
        if status < 400 and request.get("ValidationMethod") == "EMAIL":  # noqa: PLR2004 - HTTP
            made = acm._certificates[json.loads(body)["CertificateArn"]]
            made["Status"] = "PENDING_VALIDATION"
            for name in ("IssuedAt", "NotBefore", "NotAfter"):
                made.pop(name, None)
        return response

    acm._request_certificate = request_certificate
