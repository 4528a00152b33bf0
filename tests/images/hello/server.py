"""Answers every GET with 200 and the service's name: a service without a database."""

from __future__ import annotations

import os
import signal
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

# For tests of a flip that hangs: a user of the database with whom it never gets healthy.
HANGS = os.environ.get("HANGS_AS", "nobody") == os.environ.get("DB_ACTIVE_USER")
# For tests of a rollback that takes its time: seconds until it is healthy.
HEALTHY_AT = time.monotonic() + float(os.environ.get("HEALTHY_AFTER", "0"))


class Hello(BaseHTTPRequestHandler):
    """Says hello on ``/`` and ``/health``; anything else is 404."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Answer a GET."""
        found = self.path.partition("?")[0] in ("/", "/health")
        body = b"hello\n" if found else b"not found\n"
        unhealthy = HANGS or time.monotonic() < HEALTHY_AT
        self.send_response(503 if unhealthy else 200 if found else 404)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Log a request to stdout, where awslogs reads; health checks would fill the log."""
        if self.path != "/health":
            print(format % args)


# For tests of a flip that fails: a user of the database with whom it doesn't run.
if os.environ.get("FAILS_AS", "nobody") == os.environ.get("DB_ACTIVE_USER"):
    sys.exit("hello: fails as it was told")
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
address = (os.environ.get("BIND_HOST", "0.0.0.0"), int(os.environ.get("PORT", "8080")))
ThreadingHTTPServer(address, Hello).serve_forever()
