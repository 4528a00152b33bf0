"""Says hello: the least that a service is."""

from __future__ import annotations

import os
import signal
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Hello(BaseHTTPRequestHandler):
    """Answers any GET, the load balancer's health check too."""

    def do_GET(self) -> None:
        """Answer a GET."""
        body = f"hello from the database {os.environ['DB_NAME']}\n".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
HOST = os.environ.get("BIND_HOST", "0.0.0.0")  # noqa: S104 - all that a container has
ThreadingHTTPServer((HOST, 8080), Hello).serve_forever()
