"""What stands around a function: CloudFormation, Lambda's context, sudden death."""

from __future__ import annotations

import http.server
import json
import ssl
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ACCOUNT = "000000000000"
REGION = "eu-central-1"


@dataclass(frozen=True)
class Answer:
    """What a function told CloudFormation."""

    body: bytes

    def __getitem__(self, name: str) -> Any:
        return json.loads(self.body)[name]

    @property
    def succeeded(self) -> bool:
        return bool(self["Status"] == "SUCCESS")

    @property
    def data(self) -> dict[str, str]:
        return dict(self["Data"])

    @property
    def reason(self) -> str:
        return str(self["Reason"])

    @property
    def physical_id(self) -> str:
        return str(self["PhysicalResourceId"])


@dataclass
class Context:
    """Lambda's context: so many seconds are left from now on."""

    seconds: float
    aws_request_id: str = "request"
    began: float = field(default_factory=time.monotonic)

    def get_remaining_time_in_millis(self) -> int:
        return int((self.seconds - (time.monotonic() - self.began)) * 1000)


Handler = Callable[[dict[str, object], Any], None]


class CloudFormation:
    """Sends events to a function and takes its answers over HTTPS, as CloudFormation does."""

    def __init__(self, url: str) -> None:
        self._url = url
        self.answers: dict[str, list[Answer]] = {}
        # HTTP statuses that the next answers are refused with; 0 closes the connection on them.
        self.refusals: list[int] = []

    def send(
        self,
        handler: Handler,
        request_type: str,
        properties: Mapping[str, object],
        *,
        stack_id: str,
        logical_id: str = "Resource",
        physical_id: str = "",
        seconds: float = 60,
        old: Mapping[str, object] | None = None,
    ) -> Answer:
        """Send one event, `old` properties with it, and return the first answer to it."""
        request_id = uuid.uuid4().hex
        event: dict[str, object] = {
            "RequestType": request_type,
            "RequestId": request_id,
            "ResponseURL": f"{self._url}/{request_id}?signature=x",
            "StackId": stack_id,
            "LogicalResourceId": logical_id,
            "ResourceType": "Custom::Test",
            "ResourceProperties": {"ServiceToken": "arn:x", "ServiceTimeout": "60", **properties},
        }
        if physical_id:
            event["PhysicalResourceId"] = physical_id
        if old is not None:
            event["OldResourceProperties"] = old
        handler(event, Context(seconds))
        return self.answers[request_id][0]


@contextmanager
def cloudformation(certificate: Path, key: Path) -> Iterator[CloudFormation]:
    """The place where answers go, on loopback."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            request_id = self.path.removeprefix("/").partition("?")[0]
            if endpoint.refusals:
                self.refuse(endpoint.refusals.pop(0))
                return
            endpoint.answers.setdefault(request_id, []).append(Answer(body))
            self.send_response(200)
            self.end_headers()

        def refuse(self, status: int) -> None:
            if status:
                self.send_response(status)
                self.end_headers()

        def log_message(self, *_: object) -> None:
            """Keep quiet."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    endpoint = CloudFormation(f"https://localhost:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield endpoint
    finally:
        server.shutdown()
        server.server_close()


class Killed(BaseException):
    """The function was ended in the middle of its work; it can't catch this."""


class Interruption:
    """Kills the function right before or right after the n-th call it makes."""

    def __init__(self, call: int, *, before: bool) -> None:
        self._left = call
        self._before = before
        self.happened = False

    def around(self, call: Callable[[], Any]) -> Any:
        """Do a call, unless it is this one's turn; an answer that is an error is one too."""
        mine = self._left == 0
        self._left -= 1
        if mine and self._before:
            self._kill()
        try:
            return call()
        finally:
            if mine:
                self._kill()

    def _kill(self) -> None:
        self.happened = True
        raise Killed


def interruptions(kind: type[Interruption] = Interruption) -> Iterator[Interruption]:
    """One interruption after the other, for ever: the caller stops when one didn't happen."""
    call = 0
    while True:
        yield kind(call, before=True)
        yield kind(call, before=False)
        call += 1


class InterruptedClient:
    """A boto3 client whose calls an interruption may end."""

    def __init__(self, client: Any, interruption: Interruption) -> None:
        self._client = client
        self._interruption = interruption

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._client, name)
        if name == "get_paginator":
            return lambda operation: _InterruptedPaginator(method(operation), self._interruption)
        return lambda **options: self._interruption.around(lambda: method(**options))


class _InterruptedPaginator:
    def __init__(self, paginator: Any, interruption: Interruption) -> None:
        self._paginator = paginator
        self._interruption = interruption

    def paginate(self, **options: Any) -> Any:
        return self._interruption.around(lambda: list(self._paginator.paginate(**options)))
