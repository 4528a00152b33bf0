"""A real PostgreSQL, and the service as its Dockerfile starts it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from .postgres import Database, PostgreSQL
from .service import Service


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSQL]:
    with PostgreSQL() as server:
        yield server


@pytest.fixture
def database(postgresql: PostgreSQL) -> Database:
    """An empty database with a login role of its own."""
    return postgresql.create_database()


@pytest.fixture
def start() -> Iterator[Callable[..., Service]]:
    """Starts a service on a database, with more or other variables; it ends with the test."""
    with ExitStack() as running:

        def start(database: Database, **environment: str) -> Service:
            return running.enter_context(Service({**database.environment, **environment}))

        yield start


@pytest.fixture
def service(start: Callable[..., Service], database: Database) -> Service:
    """The service, up and serving."""
    return start(database).wait_until_up()


@pytest.fixture(scope="module")
def shared_service(postgresql: PostgreSQL) -> Iterator[Service]:
    """One service for all the tests of a module that don't mind each other's orders."""
    with Service(postgresql.create_database().environment) as service:
        yield service.wait_until_up()


@pytest.fixture(scope="session")
def folder() -> Path:
    return Path(__file__).parents[1]
