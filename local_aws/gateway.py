"""The ASGI application in front of ministack's: what may be reached, load balancers, the clock."""

from __future__ import annotations

import hmac
import json
from collections.abc import Awaitable, Callable, MutableMapping
from datetime import datetime
from typing import Any

from ministack.core.responses import request_scope

from local_aws.mends.load_balancers import load_balancer_for
from local_aws.mends.rotation import rotate_as_scheduled
from local_aws.settings import ACCOUNT, CLOCK, CLOCK_KEY, Settings

Scope = MutableMapping[str, Any]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Any, Send], Awaitable[None]]

# Wrong upstream: /_ministack/* needs no credentials, its reset included.
_OPEN = ("/_ministack/health", "/_ministack/cfn-response/", "/_ministack/cfn-signal/")


def gateway(application: Application, settings: Settings) -> Application:
    """Return `application` with its back door closed and the load balancers at their own port."""

    listener_ports = {settings.front_port: 80, settings.secure_front_port: 443}

    async def serve(scope: Scope, receive: Any, send: Send) -> None:
        if scope["type"] == "http":
            if _is_back_door(scope["path"]):
                await _answer(send, 403, b"This path of ministack is closed.")
                return
            if scope["path"].startswith(f"{CLOCK}/"):
                await _strike(scope, send, settings)
                return
            listener_port = listener_ports.get((scope.get("server") or ("", 0))[1])
            if listener_port:
                front = _to_load_balancer(scope, settings.region, listener_port)
                if front is None:
                    await _answer(send, 503, b"There is no load balancer.")
                    return
                scope = front
        await application(scope, receive, send)

    return serve


async def _strike(scope: Scope, send: Send, settings: Settings) -> None:
    """Do what Secrets Manager does at the moment that the path names."""
    key = dict(scope["headers"]).get(CLOCK_KEY.encode(), b"").decode("latin-1")
    if not hmac.compare_digest(key, settings.secret_key):
        await _answer(send, 403, b"The clock takes the account's root key.")
        return
    moment = datetime.fromisoformat(scope["path"].removeprefix(f"{CLOCK}/"))
    with request_scope(ACCOUNT, settings.region):
        await _answer(send, 200, json.dumps(rotate_as_scheduled(moment)).encode())


def _is_back_door(path: str) -> bool:
    return path.startswith("/_ministack/") and not path.startswith(_OPEN)


def _to_load_balancer(scope: Scope, region: str, listener_port: int) -> Scope | None:
    host = dict(scope["headers"]).get(b"host", b"").decode("latin-1").rsplit(":", 1)[0]
    # ministack takes the listener's port from the host
    headers = [header for header in scope["headers"] if header[0] != b"host"]
    headers.append((b"host", f"{host}:{listener_port}".encode()))
    with request_scope(ACCOUNT, region):
        name = load_balancer_for(host)
    if name is None:
        return None
    raw_path = scope.get("raw_path") or scope["path"].encode()
    return {
        **scope,
        "headers": headers,
        "path": f"/_alb/{name}{scope['path']}",
        "raw_path": f"/_alb/{name}".encode() + raw_path,
    }


async def _answer(send: Send, status: int, body: bytes) -> None:
    headers = [(b"content-type", b"text/plain"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
