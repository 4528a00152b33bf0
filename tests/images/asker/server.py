"""Answers ``/`` with what another service answers: a service that calls one.

It asks ``ASKED_URL``. Where no DNS knows the name in it, ``ASKED_ADDRESS`` leads there.
"""

from __future__ import annotations

import os
import signal
import sys
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

URL = os.environ["ASKED_URL"]
REQUEST = urllib.request.Request(
    os.environ.get("ASKED_ADDRESS", URL), headers={"Host": urlsplit(URL).netloc}
)


class Asker(BaseHTTPRequestHandler):
    """Asks ``ASKED_URL`` on ``/``, and says on ``/health`` that it runs."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Answer a GET; an answer of the other one's that is an error is a 502."""
        status, body = 200, b"healthy\n"
        if self.path != "/health":
            try:
                with urllib.request.urlopen(REQUEST, timeout=5) as answer:
                    body = b"it says " + answer.read()
            except OSError as error:
                status, body = 502, f"{error}\n".encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
address = (os.environ.get("BIND_HOST", "0.0.0.0"), int(os.environ.get("PORT", "8080")))
ThreadingHTTPServer(address, Asker).serve_forever()
