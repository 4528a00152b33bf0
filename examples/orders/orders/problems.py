"""Errors as problem answers (RFC 9457, application/problem+json)."""

from __future__ import annotations

import http
import logging
from collections.abc import Mapping
from typing import Any

import psycopg
from psycopg_pool import PoolTimeout
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse

_LOG = logging.getLogger(__name__)


class Problem(Exception):  # noqa: N818 - RFC 9457's own word
    """A request that can't be served.

    Args:
        status: HTTP status code of the answer.
        detail: one sentence for the caller.
        errors: what is wrong, by field name.
    """

    def __init__(self, status: int, detail: str, errors: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status, self.detail, self.errors = status, detail, errors


def _answer(
    status: int,
    detail: str,
    errors: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": http.HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
    }
    if errors:
        body["errors"] = errors
    return JSONResponse(body, status, dict(headers or {}), "application/problem+json")


async def on_problem(_: Request, error: Exception) -> JSONResponse:
    """Answer a Problem that one of our own checks raised."""
    assert isinstance(error, Problem)  # noqa: S101 - registered for this type alone
    return _answer(error.status, error.detail, error.errors)


async def on_http_exception(_: Request, error: Exception) -> JSONResponse:
    """Answer what the router refuses: an unknown path or method."""
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for this type alone
    return _answer(error.status_code, error.detail, headers=error.headers)


async def on_database_away(_: Request, error: Exception) -> JSONResponse:
    """Answer 503 while the database is away or busy: the caller may try again."""
    _LOG.error("database not available", extra={"fields": {"error": type(error).__qualname__}})
    return _answer(503, "The database is not available.", headers={"Retry-After": "5"})


async def on_error(_: Request, __: Exception) -> JSONResponse:
    """Answer what nobody foresaw; uvicorn logs it."""
    return _answer(500, "The order service failed.")


HANDLERS: dict[Any, Any] = {
    Problem: on_problem,
    HTTPException: on_http_exception,
    psycopg.OperationalError: on_database_away,
    PoolTimeout: on_database_away,
    Exception: on_error,
}
