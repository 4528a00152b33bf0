"""The ASGI application in front of ministack's: what may be reached, load balancers, controls."""

from __future__ import annotations

import hmac
import json
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from ministack.core.responses import request_scope

from local_aws import controls
from local_aws.mends.load_balancing.fronts import load_balancer_for
from local_aws.settings import ACCOUNT, Settings

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
            if scope["path"].startswith(controls.PATH):
                await _control(scope, receive, send, settings)
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


async def _control(scope: Scope, receive: Any, send: Send, settings: Settings) -> None:
    """Call the control that the path names, with what the body says."""
    key = dict(scope["headers"]).get(controls.KEY.encode(), b"").decode("latin-1")
    if not hmac.compare_digest(key, settings.secret_key):
        await _answer(send, 403, b"The controls take the account's root key.")
        return
    arguments = json.loads(await _body(receive) or b"{}")
    try:
        with request_scope(ACCOUNT, settings.region):
            answer = controls.run(scope["path"].removeprefix(controls.PATH), arguments)
    except (LookupError, TypeError, ValueError) as error:
        await _answer(send, 400, repr(error).encode())
        return
    await _answer(send, 200, json.dumps(answer).encode())


async def _body(receive: Any) -> bytes:
    body: bytes = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            return body


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
