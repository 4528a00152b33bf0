"""The HTTP API."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from psycopg.rows import DictRow, dict_row
from psycopg_pool import AsyncConnectionPool
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from orders.problems import HANDLERS, Problem
from orders.requests import read_new_order, read_order_id, read_page
from orders.settings import Settings

_COLUMNS = "id, item, quantity, created_at"
_POOL_WAIT_SECONDS = 20  # the database has just answered; and SIGTERM must not wait for 30


def create_app(settings: Settings) -> Starlette:
    """Return the application; its lifespan opens and closes the connection pool.

    Args:
        settings: where the database is.

    The lifespan raises psycopg_pool.PoolTimeout when no connection came; uvicorn then ends.
    """

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        # Many small services share one Aurora cluster: keep one connection, open more under load.
        # check_connection keeps a restart or failover of the database from costing a request.
        async with AsyncConnectionPool(
            kwargs={**settings.connection(), "row_factory": dict_row},
            min_size=1,
            max_size=4,
            max_idle=60,
            timeout=3,
            # Its back-off grows up to this: the pool is soon back when the database is.
            reconnect_timeout=10,
            check=AsyncConnectionPool.check_connection,
            open=False,
        ) as pool:
            # uvicorn listens after this: the first requests of a new task never wait for its login.
            await pool.wait(_POOL_WAIT_SECONDS)
            app.state.pool = pool
            yield

    return Starlette(
        routes=[
            Route("/orders", create_order, methods=["POST"]),
            Route("/orders", list_orders),
            Route("/orders/{id}", read_order),
            Route("/health", health),
            Route("/health/database", database_health),
        ],
        exception_handlers=HANDLERS,
        lifespan=lifespan,
    )


async def create_order(request: Request) -> JSONResponse:
    """POST /orders: store an order."""
    order = await read_new_order(request)
    [row] = await _fetch(
        request,
        f"INSERT INTO orders (item, quantity) VALUES (%s, %s) RETURNING {_COLUMNS}",  # noqa: S608
        (order.item, order.quantity),
    )
    return JSONResponse(_order(row), 201, {"Location": f"/orders/{row['id']}"})


async def read_order(request: Request) -> JSONResponse:
    """GET /orders/{id}: one order."""
    query = f"SELECT {_COLUMNS} FROM orders WHERE id = %s"  # noqa: S608
    rows = await _fetch(request, query, (read_order_id(request),))
    if not rows:
        raise Problem(404, "There is no such order.")
    return JSONResponse(_order(rows[0]))


async def list_orders(request: Request) -> JSONResponse:
    """GET /orders: a page of orders by id, and the path of the next one or null."""
    page = read_page(request)
    query = f"SELECT {_COLUMNS} FROM orders WHERE id > %s ORDER BY id LIMIT %s"  # noqa: S608
    # One row more than the page holds tells whether there is a next one.
    rows = await _fetch(request, query, (page.after, page.limit + 1))
    orders = [_order(row) for row in rows[: page.limit]]
    more = len(rows) > page.limit
    following = f"/orders?after={orders[-1]['id']}&limit={page.limit}" if more else None
    return JSONResponse({"orders": orders, "next": following})


async def health(_: Request) -> JSONResponse:
    """GET /health, for the load balancer: this process serves (the README says why no more)."""
    return JSONResponse({"status": "ok"})


async def database_health(request: Request) -> JSONResponse:
    """GET /health/database, for people and monitors: 503 when the database doesn't answer."""
    await _fetch(request, "SELECT 1", ())
    return JSONResponse({"status": "ok"})


async def _fetch(request: Request, query: str, values: tuple[Any, ...]) -> list[DictRow]:
    async with request.app.state.pool.connection() as connection:
        cursor = await connection.execute(query, values)
        rows: list[DictRow] = await cursor.fetchall()
        return rows


def _order(row: DictRow) -> dict[str, Any]:
    return {**row, "created_at": row["created_at"].isoformat()}
