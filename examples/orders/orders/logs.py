"""Logs: one JSON object a line on stdout, as CloudWatch Logs Insights reads them."""

from __future__ import annotations

import json
import logging
import sys
import time
import traceback
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

_ACCESS = logging.getLogger("orders.access")


class JsonFormatter(logging.Formatter):
    """Writes a record, with its ``extra={"fields": {...}}``, as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as a line of JSON."""
        moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        line: dict[str, Any] = {
            "time": f"{moment}.{int(record.msecs):03d}Z",
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info and record.exc_info[0]:
            # An exception's own text may quote a row or a parameter: its type and place say enough.
            line["exception"] = record.exc_info[0].__qualname__
            line["trace"] = "".join(traceback.format_tb(record.exc_info[2]))
        return json.dumps(line, default=str)


def configure() -> None:
    """Send every logger, uvicorn's and Alembic's included, to stdout as JSON."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonFormatter())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    # Seven lines at every start that say nothing.
    logging.getLogger("alembic.runtime.plugins").setLevel(logging.WARNING)


class RequestLog:
    """ASGI middleware: one line a request.

    No query, headers or bodies: they may hold personal data.
    A health check that passes is logged at DEBUG: a load balancer asks every few seconds.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on and log how it was answered."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        # 499: the client went away before there was an answer (nginx's number for it).
        status, started = 499, time.perf_counter()

        async def note_status(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, note_status)
        finally:
            quiet = scope["path"] == "/health" and status == 200  # noqa: PLR2004
            _ACCESS.log(
                logging.DEBUG if quiet else logging.INFO,
                "request",
                extra={
                    "fields": {
                        "method": scope["method"],
                        "path": scope["path"],
                        "status": status,
                        "milliseconds": round((time.perf_counter() - started) * 1000, 1),
                        "trace_id": _trace_id(scope),
                    }
                },
            )


def _trace_id(scope: Scope) -> str | None:
    """Return the load balancer's X-Amzn-Trace-Id: it follows a request through services."""
    for name, value in scope["headers"]:
        if name == b"x-amzn-trace-id":
            return str(value.decode("latin-1"))
    return None
