"""The demo's requests, to a real HTTP server that keeps or spoils what it is told."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from examples.demo.traffic import Orders


class Shop(BaseHTTPRequestHandler):
    """Keeps orders; a host named ``forgetful`` reads another one back, ``broken`` answers 500."""

    orders: list[dict[str, object]]

    def do_POST(self) -> None:
        order = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.orders.append({**order, "id": len(self.orders)})
        self._answer(201, self.orders[-1])

    def do_GET(self) -> None:
        order = self.orders[int(self.path.rpartition("/")[2])]
        self._answer(200, {**order, "item": "air"} if self._host() == "forgetful" else order)

    def log_message(self, *_: object) -> None:
        pass

    def _host(self) -> str:
        return self.headers["Host"]

    def _answer(self, status: int, body: object) -> None:
        text = json.dumps(body).encode()
        self.send_response(500 if self._host() == "broken" else status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)


@pytest.fixture
def front() -> Iterator[Callable[[str, str], tuple[str, dict[str, str]]]]:
    handler = type("Handler", (Shop,), {"orders": []})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield lambda host, path: (f"http://127.0.0.1:{server.server_port}{path}", {"Host": host})
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("host", "requests", "ok"), [("good", 10, 10), ("forgetful", 10, 5), ("broken", 5, 0)]
)
def test_only_what_is_read_back_as_it_was_written_counts(
    front: Callable[[str, str], tuple[str, dict[str, str]]], host: str, requests: int, ok: int
) -> None:
    orders = Orders(front, host)
    orders.write_and_read()

    assert (orders.traffic.sent, orders.traffic.answered) == (requests, ok)


def test_a_service_that_does_not_answer_is_counted_as_not_ok() -> None:
    orders = Orders(lambda _, path: (f"http://127.0.0.1:1{path}", {}), "nobody")
    orders.write_and_read()

    assert (orders.traffic.sent, orders.traffic.answered) == (5, 0)


@pytest.mark.parametrize(
    ("host", "reason"),
    [("broken", "500 b'{"), ("forgetful", "'item': 'air'"), ("nobody", "Connection refused")],
)
def test_a_failure_is_told_with_its_request_and_its_reason(
    front: Callable[[str, str], tuple[str, dict[str, str]]], host: str, reason: str
) -> None:
    def nobodys(_: str, path: str) -> tuple[str, dict[str, str]]:
        return f"http://127.0.0.1:1{path}", {}

    orders = Orders(nobodys if host == "nobody" else front, host)
    orders.write_and_read()

    first = orders.traffic.first_failure
    assert first.startswith("GET /orders/0 after" if host == "forgetful" else "POST /orders after")
    assert reason in first
    answered, sent = orders.traffic.answered, orders.traffic.sent
    told = orders.traffic.told("orders")
    assert told.startswith(f"orders answered {answered} of {sent} requests as it must; {first}")


def test_traffic_goes_on_as_long_as_the_block_lasts(
    front: Callable[[str, str], tuple[str, dict[str, str]]],
) -> None:
    orders = Orders(front, "good")
    with orders.without_pause():
        while orders.traffic.sent < 100:
            time.sleep(0.01)
    sent = orders.traffic.sent

    assert orders.traffic.answered == sent
    assert sent % 10 == 0, "a round is finished"
