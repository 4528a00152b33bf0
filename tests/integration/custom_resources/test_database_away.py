"""Custom::Database while the database is away: that delays it, and breaks nothing."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import psycopg2
import pytest

from custom_resources.postgres import connection
from custom_resources.postgres.connection import (
    LoginDenied,
    NoConnectionError,
    Server,
    is_passing,
)
from custom_resources.postgres.patience import patiently
from custom_resources.shared.failure import Failure
from local_aws.control import LocalAws
from tests.integration.custom_resources.network import Network, network
from tests.integration.custom_resources.postgres_servers import PostgresServer, running_server
from tests.integration.custom_resources.service import Service, new_password

_AWAY_SECONDS = 1.5
# Statements of an update with both users, from its beginning to the proofs at its end.
_MOMENTS = [0, 3, 8, 15, 21, 26]


@pytest.fixture(scope="module")
def fragile() -> Iterator[PostgresServer]:
    with running_server(17) as server, pytest.MonkeyPatch.context() as patch:
        patch.setenv("DATABASE_CA_BUNDLE", str(server.certificate))
        yield server


@pytest.fixture
def path(fragile: PostgresServer) -> Iterator[Network]:
    with network(fragile.port) as made:
        yield made


@pytest.fixture
def service(aws: LocalAws, fragile: PostgresServer, name: str, stack_id: str) -> Service:
    made = Service(aws, fragile, name, stack_id)
    made.convergence(made.both).create()
    made.run("blue", "CREATE TABLE orders AS SELECT 1 AS id")
    # What the update has to mend, so that it does more than look.
    made.set_in_database("green", new_password())
    return made


class Outage:
    """Takes the database away right before a statement of the function's, once, and for a while.

    Args:
        moment: the statement, counted from 0.
        begin: takes it away.
        end: brings it back.
    """

    def __init__(self, moment: int, begin: Callable[[], None], end: Callable[[], None]) -> None:
        self._left = moment
        self._begin = begin
        self._end = end
        self._at: float | None = None

    def statement(self) -> None:
        self._left -= 1
        if self._left == -1:
            self.happen()

    def happen(self) -> None:
        self._at = time.monotonic()
        threading.Timer(_AWAY_SECONDS, self._end).start()
        self._begin()

    def is_over(self) -> bool:
        return self._at is not None and time.monotonic() - self._at >= _AWAY_SECONDS


@pytest.fixture
def during(monkeypatch: pytest.MonkeyPatch) -> Callable[[Outage], None]:
    """Have an outage during all that the function says to the server from now on."""

    def begin(outage: Outage) -> None:
        class Cursor(psycopg2.extensions.cursor):  # type: ignore[misc] # psycopg2 has no types
            def execute(self, query: Any, values: Any = None) -> None:
                outage.statement()
                super().execute(query, values)

        class Connection(psycopg2.extensions.connection):  # type: ignore[misc]
            def cursor(self, *arguments: Any, **options: Any) -> Any:
                return super().cursor(*arguments, **options, cursor_factory=Cursor)

        connecting = partial(psycopg2.connect, connection_factory=Connection)
        monkeypatch.setattr(psycopg2, "connect", connecting)

    return begin


def converges(service: Service, properties: dict[str, object], outage: Outage) -> None:
    service.convergence(properties).update()

    assert outage.is_over()
    assert service.run("green", "SELECT id FROM orders") == [(1,)]
    assert service.run("blue", "SELECT id FROM orders") == [(1,)]


@pytest.mark.parametrize("moment", _MOMENTS)
def test_a_restart_in_the_middle_delays_an_update(
    service: Service,
    fragile: PostgresServer,
    during: Callable[[Outage], None],
    moment: int,
) -> None:
    outage = Outage(moment, fragile.stop, fragile.start)
    during(outage)

    converges(service, service.both, outage)


@pytest.mark.parametrize("moment", _MOMENTS)
def test_a_cut_connection_in_the_middle_delays_an_update(
    service: Service, path: Network, during: Callable[[Outage], None], moment: int
) -> None:
    outage = Outage(moment, path.cut, path.mend)
    during(outage)

    converges(service, service.both | {"Port": str(path.port)}, outage)


@pytest.mark.parametrize("moment", [0, 3])
def test_a_writer_that_has_become_a_reader_delays_an_update(
    service: Service,
    fragile: PostgresServer,
    during: Callable[[Outage], None],
    moment: int,
) -> None:
    def read_only(on: str) -> None:
        fragile.query(f"ALTER ROLE quayside SET default_transaction_read_only = {on}")
        fragile.query(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'quayside'"
        )

    outage = Outage(moment, partial(read_only, "on"), partial(read_only, "off"))
    during(outage)

    converges(service, service.both, outage)


def test_a_deletion_waits_too(
    service: Service, fragile: PostgresServer, during: Callable[[Outage], None]
) -> None:
    outage = Outage(4, fragile.stop, fragile.start)
    during(outage)
    service.convergence(service.both | {"DeletionPolicy": "Drop"}).delete()

    assert outage.is_over()
    left = "SELECT 1 FROM pg_database WHERE datname = %s"
    assert fragile.query(left, service.name) == []


def test_a_database_that_stays_away_is_named_in_time_and_the_next_try_finishes(
    service: Service, path: Network
) -> None:
    cut_off = service.both | {"Port": str(path.port)}
    path.cut()
    began = time.monotonic()
    with pytest.raises(Failure, match="There is no connection to PostgreSQL at localhost"):
        service.convergence(cut_off, seconds=2).update()
    assert 1 < time.monotonic() - began < 4

    path.mend()
    service.convergence(cut_off).update()
    assert service.run("green", "SELECT 1") == [(1,)]


def test_a_server_that_does_not_answer_passes(
    fragile: PostgresServer, path: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "CONNECT_SECONDS", 2)
    path.silence()
    connecting = Server("localhost", path.port).connect("postgres", "rdsadmin", "x")

    with pytest.raises(NoConnectionError, match="timeout expired") as refused, connecting:
        pass
    assert is_passing(refused.value)


def test_a_denied_login_is_told_at_once_by_a_server_that_is_back(
    fragile: PostgresServer, path: Network
) -> None:
    def log_in() -> None:
        with Server("localhost", path.port).connect("postgres", "rdsadmin", "wrong"):
            pass

    outage = Outage(0, path.cut, path.mend)
    outage.happen()
    with pytest.raises(LoginDenied):
        patiently(log_in, until=time.monotonic() + 30)
    assert outage.is_over()


_HOLDER = """
import sys, time
from custom_resources.postgres import connection, locks
connection._IDLE_MILLISECONDS = 2000
port, password, database = sys.argv[1:]
server = connection.Server("localhost", int(port))
with (
    server.connect("postgres", "quayside", password) as session,
    locks.roles_locked(session, database),
):
    print("locked", flush=True)
    time.sleep(3600)
"""


def test_a_function_that_lambda_froze_does_not_keep_the_lock(
    service: Service, fragile: PostgresServer
) -> None:
    arguments = [str(fragile.port), fragile.admin_password, service.name]
    command = [sys.executable, "-c", _HOLDER, *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as frozen:
        try:
            assert frozen.stdout
            assert frozen.stdout.readline() == "locked\n"
            frozen.send_signal(signal.SIGSTOP)
            service.convergence(service.both).update()
        finally:
            frozen.kill()

    assert service.run("green", "SELECT 1") == [(1,)]
    assert "terminating connection due to idle-session timeout" in fragile.log
