"""Where custom resources send their answer.

Wrong upstream: ResponseURL is plain HTTP, while crhelper always speaks TLS, so that its answer
never arrives.
"""

from __future__ import annotations

from ministack.services.cloudformation import custom_resource

from local_aws.settings import Settings


def install(settings: Settings) -> None:
    """Give custom resources an HTTPS address of the same server."""

    def response_url(token: str) -> str:
        return f"https://localhost:{settings.tls_port}/_ministack/cfn-response/{token}"

    custom_resource._response_url = response_url
