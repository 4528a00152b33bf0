"""A database that is away for a while: stopped, cut off, or no longer the writer.

The server is PostgreSQL's own all the time; what is new is what lies between it and its clients, or
the state that it is in.
Source: Aurora user guide, "High availability for Amazon Aurora" (a failover ends connections, and
who still reaches the old writer reads "cannot execute ... in a read-only transaction"); PostgreSQL
documentation, "Hot Standby".
"""

from __future__ import annotations

import contextlib
import itertools
import select
import socket
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from local_aws.settings import ADDRESS

_RESET = struct.pack("ii", 1, 0)  # SO_LINGER: closing sends RST instead of FIN
_SSL_REQUEST = 8  # bytes; PostgreSQL documentation, "Message Formats"


class Outage:
    """One time in which a server is away; a thread of its own ends it."""

    def __init__(self, seconds: float, away: Callable[[threading.Event], None]) -> None:
        """Run `away` in the background; the event that it gets is set when it shall end."""
        self._over = threading.Event()
        self._clock = threading.Timer(seconds, self._over.set)
        self._clock.daemon = True
        self._clock.start()
        self._thread = threading.Thread(target=away, args=(self._over,), daemon=True, name="outage")
        self._thread.start()

    @property
    def lasts(self) -> bool:
        """Whether the server is not yet back."""
        return self._thread.is_alive()

    def wait(self) -> None:
        """Wait until the server is back."""
        self._thread.join()

    def end(self) -> None:
        """Bring the server back now, and wait until it is."""
        self._clock.cancel()
        self._over.set()
        self._thread.join()


@dataclass(frozen=True)
class _Fate:
    """When a connection is cut: before it has sent so many bytes, or lived so long."""

    sent: float
    seconds: float
    reset: bool


# One after the other: before anything is said; by a reset when TLS begins; in the TLS handshake;
# in the session's first moments, by a reset; a little later, by an end of file.
_FATES = (
    _Fate(0, 0, reset=True),
    _Fate(_SSL_REQUEST, 30, reset=True),
    _Fate(_SSL_REQUEST, 30, reset=False),
    _Fate(float("inf"), 0.1, reset=True),
    _Fate(float("inf"), 0.4, reset=False),
)


def cut_connections(port: int, server_port: int, over: threading.Event) -> None:
    """Stand at `port` before the server at `server_port` until `over`; cut every connection."""
    fates = itertools.cycle(_FATES)
    with socket.create_server((ADDRESS, port), backlog=128) as listener:
        listener.settimeout(0.05)
        while not over.is_set():
            with contextlib.suppress(TimeoutError):
                client, _ = listener.accept()
                arguments = (client, server_port, next(fates), over)
                threading.Thread(target=_serve, args=arguments, daemon=True, name="cut").start()


def _serve(client: socket.socket, server_port: int, fate: _Fate, over: threading.Event) -> None:
    with contextlib.suppress(OSError), client:
        if fate.sent:
            with socket.create_connection((ADDRESS, server_port), timeout=5) as server:
                _relay(client, server, fate, over)
        if fate.reset:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)


def _relay(
    client: socket.socket, server: socket.socket, fate: _Fate, over: threading.Event
) -> None:
    other = {client: server, server: client}
    sent, end = 0, time.monotonic() + fate.seconds
    while not over.is_set() and time.monotonic() < end:
        for source in select.select([client, server], [], [], 0.02)[0]:
            data = source.recv(65536)
            sent += len(data) if source is client else 0
            if not data or sent > fate.sent:
                return
            other[source].sendall(data)
