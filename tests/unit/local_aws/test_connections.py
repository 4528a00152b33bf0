"""Connections whose clients have gone, on the server that the local AWS is served by."""

from __future__ import annotations

import asyncio
import socket
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypercorn.asyncio import serve
from hypercorn.asyncio.tcp_server import TCPServer
from hypercorn.config import Config

from local_aws import connections
from local_aws.settings import free_port

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's")
GUARD_SECONDS = 20
KEEP_ALIVE_SECONDS = 75


async def streamer(scope: Any, receive: Any, send: Any) -> None:
    """Answer as ministack's load balancers do: the last byte first, then the end."""
    await receive()
    if scope["type"] == "lifespan":
        await send({"type": "lifespan.startup.complete"})
        await receive()
        return
    headers = [(b"content-length", b"2")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"ok", "more_body": True})
    await asyncio.sleep(0)
    await send({"type": "http.response.body", "body": b"", "more_body": False})


@pytest.fixture
def port(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """Port of a server with the mend."""
    for name in ("protocol_send", "_read_data"):
        monkeypatch.setattr(TCPServer, name, getattr(TCPServer, name))  # puts it back
    connections.close_with_their_clients()
    number = free_port()
    config = Config()
    config.bind = [f"127.0.0.1:{number}"]
    config.keep_alive_timeout = KEEP_ALIVE_SECONDS
    over = threading.Event()

    async def until_over() -> None:
        await asyncio.to_thread(over.wait)

    thread = threading.Thread(
        target=lambda: asyncio.run(serve(streamer, config, shutdown_trigger=until_over))
    )
    thread.start()
    yield number
    over.set()
    thread.join()


def get(port: int) -> None:
    """Take the answer's last byte, and go."""
    with socket.create_connection(("127.0.0.1", port), timeout=GUARD_SECONDS) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        answer = b""
        while not answer.endswith(b"ok"):
            answer += client.recv(1024)


def unclosed(port: int) -> int:
    """How many connections their clients have closed, and the server hasn't."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    close_wait = "08"  # the kernel's include/net/tcp_states.h
    return sum(row[1].endswith(f":{port:04X}") and row[3] == close_wait for row in rows)


def test_a_connection_whose_client_goes_with_the_last_byte_is_closed(port: int) -> None:
    guard = time.monotonic() + GUARD_SECONDS
    while True:
        try:
            get(port)
            break
        except ConnectionRefusedError:
            assert time.monotonic() < guard
            time.sleep(0.05)
    for _ in range(20):
        get(port)

    while unclosed(port) and time.monotonic() < guard:
        time.sleep(0.05)
    assert unclosed(port) == 0
