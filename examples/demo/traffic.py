"""Requests to a service of the demo, through the load balancer, by the service's host name."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

Front = Callable[[str, str], tuple[str, dict[str, str]]]  # host name, path -> URL, headers

_ORDERS = 5


class Traffic:
    """Requests to one service, counted.

    Args:
        front: tells where a host name's load balancer listens (LocalAws.url).
        host_name: the service's host name.

    Attributes:
        requests: how many were sent.
        ok: how many were answered as they must be.
    """

    def __init__(self, front: Front, host_name: str) -> None:
        self._front, self._host_name = front, host_name
        self.requests = self.ok = 0

    def write_and_read(self) -> None:
        """Write some orders, and read each one back."""
        for quantity in range(1, _ORDERS + 1):
            order = {"item": f"rope for {self._host_name}", "quantity": quantity}
            written = self._send("POST", "/orders", order)
            self._count(written is not None and order.items() <= written.items())
            if written is not None:
                self._count(self._send("GET", f"/orders/{written.get('id')}") == written)

    @contextmanager
    def without_pause(self) -> Iterator[None]:
        """Write and read orders as long as the ``with`` block lasts."""
        over = threading.Event()

        def go_on() -> None:
            while not over.is_set():
                self.write_and_read()

        thread = threading.Thread(target=go_on)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def _count(self, as_it_must_be: bool) -> None:
        self.requests += 1
        self.ok += as_it_must_be

    def _send(self, method: str, path: str, body: object = None) -> dict[str, Any] | None:
        url, headers = self._front(self._host_name, path)
        address = urlsplit(url)
        connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=30)
        try:
            text = None if body is None else json.dumps(body)
            headers = {**headers, "Content-Type": "application/json"}
            connection.request(method, address.path, text, headers)
            response = connection.getresponse()
            answer = json.loads(response.read())
        except (OSError, http.client.HTTPException, ValueError):
            return None
        finally:
            connection.close()
        is_good = response.status < http.client.BAD_REQUEST and isinstance(answer, dict)
        return answer if is_good else None
