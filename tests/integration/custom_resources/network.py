"""A stretch of network in front of a server, which a test can cut."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress

# SO_LINGER for zero seconds: closing sends RST, as a firewall or a host that is gone does.
_ABRUPTLY = struct.pack("ii", 1, 0)


class Network:
    """Passes TCP connections on to a server on loopback, as long as nobody cuts it.

    Args:
        port: of the server.
    """

    def __init__(self, port: int) -> None:
        self._target = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self._cut = False
        self._silent = False
        self._lock = threading.Lock()

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._listener.getsockname()[1])

    def cut(self) -> None:
        """End all connections abruptly, and every new one, until `mend`."""
        with self._lock:
            self._cut = True
            for end in self._open:
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _ABRUPTLY)
                # A thread waits in recv: it has to let go before the RST is sent.
                with suppress(OSError):
                    end.shutdown(socket.SHUT_RD)
                end.close()
            self._open.clear()

    def silence(self) -> None:
        """Take new connections and pass nothing on, as a security group that drops packets."""
        self._silent = True

    def mend(self) -> None:
        """Pass everything on again."""
        self._cut = self._silent = False

    def run(self) -> None:
        """Take connections until the listener is closed."""
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            with self._lock:
                if self._cut:
                    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _ABRUPTLY)
                    client.close()
                    continue
                self._open.append(client)
                if not self._silent:
                    self._join(client, socket.create_connection(("127.0.0.1", self._target)))

    def close(self) -> None:
        """End everything."""
        self.cut()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _join(self, client: socket.socket, server: socket.socket) -> None:
        self._open.append(server)
        for one, other in ((client, server), (server, client)):
            threading.Thread(target=_pass_on, args=(one, other), daemon=True).start()


def _pass_on(one: socket.socket, other: socket.socket) -> None:
    with suppress(OSError):
        while data := one.recv(65536):
            other.sendall(data)
    with suppress(OSError):
        other.shutdown(socket.SHUT_WR)


@contextmanager
def network(port: int) -> Iterator[Network]:
    """A network in front of the server at that port of loopback."""
    with closing(Network(port)) as made:
        threading.Thread(target=made.run, daemon=True).start()
        yield made
