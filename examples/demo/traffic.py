"""Requests to a service of the demo, through the load balancer, by the service's host name."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

Front = Callable[[str, str], tuple[str, dict[str, str]]]  # host name, path -> URL, headers

_ORDERS = 5
_SHOWN_FAILURES = 5
_SHOWN_CHARACTERS = 200  # of a body


class _FailedRequestError(Exception):
    """A request was answered with an error, or with no JSON object."""


class Traffic:
    """Requests to one service, counted.

    Args:
        front: tells where a host name's load balancer listens (LocalAws.url).
        host_name: the service's host name.

    Attributes:
        requests: how many were sent.
        failures: what went wrong, a line for each request that wasn't answered as it must be.
    """

    def __init__(self, front: Front, host_name: str) -> None:
        self._front, self._host_name = front, host_name
        self.requests = 0
        self.failures: list[str] = []

    @property
    def ok(self) -> int:
        """How many were answered as they must be."""
        return self.requests - len(self.failures)

    def told(self, name: str) -> str:
        """Return a sentence with the count, and the first failures.

        Args:
            name: the service's name.
        """
        told = f"{name} answered {self.ok} of {self.requests} requests as it must"
        return "; ".join([told, *self.failures[:_SHOWN_FAILURES]])

    def write_and_read(self) -> None:
        """Write some orders, and read each one back."""
        for quantity in range(1, _ORDERS + 1):
            order = {"item": f"rope for {self._host_name}", "quantity": quantity}
            written = self._ask("POST", "/orders", order, order)
            if written is not None:
                self._ask("GET", f"/orders/{written.get('id')}", None, written)

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

    def _ask(
        self, method: str, path: str, body: object, expected: dict[str, Any]
    ) -> dict[str, Any] | None:
        self.requests += 1
        sent = time.monotonic()
        try:
            answer = self._send(method, path, body)
        except (OSError, http.client.HTTPException, ValueError, _FailedRequestError) as error:
            reason = str(error) or type(error).__name__
        else:
            if expected.items() <= answer.items():
                return answer
            reason = f"answered {answer}, not {expected}"
        took = time.monotonic() - sent
        self.failures.append(f"{method} {path} after {took:.1f} s: {reason}")
        return None

    def _send(self, method: str, path: str, body: object) -> dict[str, Any]:
        url, headers = self._front(self._host_name, path)
        address = urlsplit(url)
        connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=30)
        try:
            text = None if body is None else json.dumps(body)
            headers = {**headers, "Content-Type": "application/json"}
            connection.request(method, address.path, text, headers)
            response = connection.getresponse()
            content = response.read()
        finally:
            connection.close()
        if response.status >= http.client.BAD_REQUEST:
            raise _FailedRequestError(f"{response.status} {content[:_SHOWN_CHARACTERS]!r}")
        answer = json.loads(content)
        if not isinstance(answer, dict):
            raise _FailedRequestError(f"no JSON object: {content[:_SHOWN_CHARACTERS]!r}")
        return answer
