"""Logs: one JSON object a line on stdout, as the platform's convention has it (docs/logs.md)."""

from __future__ import annotations

import json
import logging
import re
import sys
import time
import traceback

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from orders.masking import masked_line

_ACCESS = logging.getLogger("orders.access")
# https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-request-tracing.html
_ROOT = re.compile(r"(?:^|;)Root=(1-[0-9a-f]{8}-[0-9a-f]{24})(?:;|$)")


class JsonFormatter(logging.Formatter):
    """Writes a record, with its ``extra={"fields": {...}}``, as one line of JSON.

    Personal data in message, fields and stack is masked (orders.masking).
    """

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as a line of JSON."""
        moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        told = {"message": record.getMessage(), **getattr(record, "fields", {})}
        if record.exc_info and record.exc_info[0]:
            # An exception's own text may quote a row or a parameter: its type and place say enough.
            told["error"] = record.exc_info[0].__qualname__
            told["stack"] = "".join(traceback.format_tb(record.exc_info[2]))
        line = {
            "time": f"{moment}.{int(record.msecs):03d}Z",
            "level": record.levelname,
            "logger": record.name,
            **masked_line(told),
        }
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
                        "duration_ms": round((time.perf_counter() - started) * 1000, 1),
                        "trace_id": _trace_id(scope),
                    }
                },
            )


def _trace_id(scope: Scope) -> str | None:
    """Return the root of the load balancer's X-Amzn-Trace-Id: a request keeps it on its way.

    Beside it the header may have what differs from hop to hop (``Self=...;Root=...``).
    """
    for name, value in scope["headers"]:
        if name == b"x-amzn-trace-id":
            root = _ROOT.search(value.decode("latin-1"))
            return root[1] if root else None
    return None
