"""What hands credentials out on loopback, each as AWS's own endpoint does, over real HTTP.

Modelled on: AWS SDKs and Tools Reference Guide, "Container credential provider" and "IMDS
credential provider"; botocore's service models sso, sso-oidc and signin.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

AUTHORIZATION = "Bearer of-the-container"
SSO_TOKEN, SSO_REFRESH, LOGIN_REFRESH = "sso-token", "sso-refresh", "login-refresh"
ROLE = "deployer"
_SESSION_SECONDS = 3600

Given = dict[str, Any]  # what STS calls Credentials
Answer = tuple[int, Any]


class Endpoints:
    """Answers as the endpoints of containers, instances, Identity Center and `aws login` do.

    Args:
        give: returns temporary credentials.
    """

    def __init__(self, give: Callable[[], Given]) -> None:
        self._give = give
        self._routes: dict[tuple[str, str], Callable[[Any, dict[str, Any]], Answer]] = {
            ("GET", "/container"): self._container,
            ("PUT", "/latest/api/token"): lambda _headers, _body: (200, "imds-token"),
            ("GET", "/latest/meta-data/iam/security-credentials/"): self._instance_role,
            ("GET", f"/latest/meta-data/iam/security-credentials/{ROLE}"): self._instance,
            ("GET", "/federation/credentials"): self._identity_center,
            ("POST", "/token"): self._identity_center_refresh,
            ("POST", "/v1/token"): self._login_refresh,
        }

    def answer(self, method: str, path: str, headers: Any, body: bytes) -> Answer:
        """Return status and body for a request."""
        route = self._routes.get((method, path.partition("?")[0]))
        return route(headers, json.loads(body or b"{}")) if route else (404, {"message": path})

    def _plain(self) -> dict[str, str]:
        given = self._give()
        return {
            "AccessKeyId": given["AccessKeyId"],
            "SecretAccessKey": given["SecretAccessKey"],
            "Token": given["SessionToken"],
            "Expiration": given["Expiration"].strftime("%Y-%m-%dT%H:%M:%SZ"),
        }

    def _container(self, headers: Any, _body: Any) -> Answer:
        if headers.get("Authorization") != AUTHORIZATION:
            return 401, {"message": "Unauthorized"}
        return 200, self._plain()

    def _instance_role(self, headers: Any, _body: Any) -> Answer:
        known = headers.get("x-aws-ec2-metadata-token") == "imds-token"
        return (200, ROLE) if known else (401, "")

    def _instance(self, headers: Any, _body: Any) -> Answer:
        known = headers.get("x-aws-ec2-metadata-token") == "imds-token"
        return (200, {"Code": "Success", **self._plain()}) if known else (401, "")

    def _identity_center(self, headers: Any, _body: Any) -> Answer:
        if headers.get("x-amz-sso_bearer_token") != SSO_TOKEN:
            return 401, {"__type": "UnauthorizedException", "message": "Session token not found"}
        given = self._give()
        return 200, {
            "roleCredentials": {
                "accessKeyId": given["AccessKeyId"],
                "secretAccessKey": given["SecretAccessKey"],
                "sessionToken": given["SessionToken"],
                "expiration": int(given["Expiration"].timestamp() * 1000),
            }
        }

    def _identity_center_refresh(self, _headers: Any, body: dict[str, Any]) -> Answer:
        if body.get("refreshToken") != SSO_REFRESH:
            return 400, {"__type": "InvalidGrantException", "error": "invalid_grant"}
        return 200, {"accessToken": SSO_TOKEN, "expiresIn": _SESSION_SECONDS}

    def _login_refresh(self, headers: Any, body: dict[str, Any]) -> Answer:
        if body.get("refreshToken") != LOGIN_REFRESH or not headers.get("DPoP"):
            refused = {"error": "TOKEN_EXPIRED", "message": "The refresh token has expired"}
            return 400, {"__type": "AccessDeniedException", **refused}
        given = self._give()
        return 200, {
            "accessToken": {
                "accessKeyId": given["AccessKeyId"],
                "secretAccessKey": given["SecretAccessKey"],
                "sessionToken": given["SessionToken"],
            },
            "expiresIn": _SESSION_SECONDS,
            "refreshToken": LOGIN_REFRESH,
            "tokenType": "aws_sigv4",
        }


@contextmanager
def served(give: Callable[[], Given]) -> Iterator[str]:
    """Serve the endpoints as long as the block lasts; gives their address, without a slash."""
    endpoints = Endpoints(give)

    class Handler(BaseHTTPRequestHandler):
        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            status, answer = endpoints.answer(self.command, self.path, self.headers, body)
            text = answer if isinstance(answer, str) else json.dumps(answer)
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text.encode())))
            if isinstance(answer, dict) and "__type" in answer:
                self.send_header("x-amzn-ErrorType", answer["__type"])
            self.end_headers()
            self.wfile.write(text.encode())

        do_GET = do_PUT = do_POST = _serve  # noqa: N815 - http.server's names

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
