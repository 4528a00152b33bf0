"""Requests to a service of the demo, through the load balancer, by the service's host name."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from local_aws.traffic import Traffic, WrongAnswerError

Front = Callable[[str, str], tuple[str, dict[str, str]]]  # host name, path -> URL, headers

_ORDERS = 5
_SHOWN_CHARACTERS = 200  # of a body


class Orders:
    """Orders that are written to one service and read back.

    Args:
        front: tells where a host name's load balancer listens (LocalAws.url).
        host_name: the service's host name.

    Attributes:
        traffic: the requests, counted.
    """

    def __init__(self, front: Front, host_name: str) -> None:
        self._front, self._host_name = front, host_name
        self.traffic = Traffic()

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
        with self.traffic.meanwhile(self.write_and_read):
            yield

    def _ask(
        self, method: str, path: str, body: object, expected: dict[str, Any]
    ) -> dict[str, Any] | None:
        def ask() -> dict[str, Any]:
            answer = self._send(method, path, body)
            if not expected.items() <= answer.items():
                raise WrongAnswerError(f"answered {answer}, not {expected}")
            return answer

        return self.traffic.send(f"{method} {path}", ask)

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
            raise WrongAnswerError(f"{response.status} {content[:_SHOWN_CHARACTERS]!r}")
        answer = json.loads(content)
        if not isinstance(answer, dict):
            raise WrongAnswerError(f"no JSON object: {content[:_SHOWN_CHARACTERS]!r}")
        return answer
