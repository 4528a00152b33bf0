"""What callers send, read and checked: the rest of the program meets only good values."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request

from orders.problems import Problem

MAX_BODY_BYTES = 16 * 1024
MAX_TEXT = 200
MAX_QUANTITY = 10_000
MAX_PAGE = 100
MAX_ID = 2**63 - 1  # bigint


@dataclass(frozen=True)
class NewOrder:
    """An order as a caller sends it: how many of what."""

    item: str
    quantity: int


@dataclass(frozen=True)
class Page:
    """A page of orders: at most ``limit`` of those whose id is greater than ``after``."""

    after: int
    limit: int


async def read_new_order(request: Request) -> NewOrder:
    """Read the order in a request's body.

    Raises:
        Problem: 415, 413, 400 or 422, with the errors by field.
    """
    body = await _read_json(request)
    if not isinstance(body, dict):
        raise Problem(422, "The body is not a JSON object.")
    if body.keys() - _CHECKS.keys():
        raise Problem(422, f"An order has the fields {', '.join(_CHECKS)} and no others.")
    errors = {
        name: message for name, (is_good, message) in _CHECKS.items() if not is_good(body.get(name))
    }
    if errors:
        raise Problem(422, "The order is not valid.", errors)
    return NewOrder(**body)


async def _read_json(request: Request) -> Any:
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise Problem(415, "The body must be application/json.")
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            raise Problem(413, f"The body is larger than {MAX_BODY_BYTES} bytes.")
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise Problem(400, "The body is not JSON.") from None


def _is_text(value: Any) -> bool:
    # isprintable() refuses NUL and lone surrogates, which PostgreSQL's UTF-8 text can't hold.
    return isinstance(value, str) and 1 <= len(value) <= MAX_TEXT and value.isprintable()


def _is_quantity(value: Any) -> bool:
    return type(value) is int and 1 <= value <= MAX_QUANTITY


_CHECKS = {
    "item": (_is_text, f"must be a text of 1 to {MAX_TEXT} printable characters"),
    "quantity": (_is_quantity, f"must be a whole number from 1 to {MAX_QUANTITY}"),
}


def read_order_id(request: Request) -> int:
    """Read the id in a request's path.

    Raises:
        Problem: 404; what is no id names no order.
    """
    order_id = _natural(request.path_params["id"], MAX_ID)
    if order_id is None:
        raise Problem(404, "There is no such order.")
    return order_id


def read_page(request: Request) -> Page:
    """Read ``after`` (default 0) and ``limit`` (default 50) of a request's query.

    Raises:
        Problem: 422 with the errors by parameter.
    """
    after = _natural(request.query_params.get("after", "0"), MAX_ID)
    limit = _natural(request.query_params.get("limit", "50"), MAX_PAGE)
    errors = {}
    if after is None:
        errors["after"] = "must be the id of an order"
    if not limit:
        errors["limit"] = f"must be a whole number from 1 to {MAX_PAGE}"
    if errors:
        raise Problem(422, "The query is not valid.", errors)
    return Page(after or 0, limit or 0)


def _natural(text: str, highest: int) -> int | None:
    if text.isascii() and text.isdigit() and len(text) <= len(str(highest)):
        return int(text) if int(text) <= highest else None
    return None
