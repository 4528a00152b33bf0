"""A task's life: start, migrations, logs, a database that fails, the end."""

from __future__ import annotations

import json
import re
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import pytest

from .postgres import Database, PostgreSQL, Relay
from .service import Service
from .test_masking import PERSONAL

Start = Callable[..., Service]
ORDER = {"item": "rope", "quantity": 3}
MIGRATION_LOCK = 7_214_001
WAITERS = "SELECT count(*) = %d FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"


@pytest.fixture
def relay(postgresql: PostgreSQL) -> Relay:
    return Relay(postgresql.port)


def migrations_run(service: Service) -> int:
    return sum("Running upgrade" in line["message"] for line in service.log)


def test_a_second_start_keeps_the_schema_and_the_orders(start: Start, database: Database) -> None:
    first = start(database).wait_until_up()
    path = first.post("/orders", ORDER).headers["Location"]
    first.terminate()
    first.wait()
    second = start(database).wait_until_up()

    assert migrations_run(first) == 1
    assert migrations_run(second) == 0
    assert second.get(path).status == 200


def test_a_version_that_was_rolled_back_starts_on_the_newer_schema(
    start: Start, database: Database
) -> None:
    newer = start(database).wait_until_up()
    newer.terminate()
    newer.wait()
    with database.connect() as other:
        other.execute("UPDATE alembic_version SET version_num = '0002'")

    assert start(database).wait_until_up().post("/orders", ORDER).status == 201


def test_of_two_tasks_that_start_at_once_one_migrates(start: Start, database: Database) -> None:
    with database.connect() as holder:
        holder.execute("SELECT pg_advisory_lock(%s)", (MIGRATION_LOCK,))
        tasks = [start(database), start(database)]
        database.wait_for_row(WAITERS % 2)

    for task in tasks:
        task.wait_until_up()
    assert sorted(migrations_run(task) for task in tasks) == [0, 1]


def test_a_task_killed_in_its_migration_leaves_nothing_half_done(
    start: Start, database: Database
) -> None:
    with database.connect() as other, other.transaction(force_rollback=True):
        other.execute("CREATE TABLE orders ()")  # the task's own CREATE TABLE waits for this one
        task = start(database)
        database.wait_for_row(
            "SELECT EXISTS (SELECT FROM pg_stat_activity "
            "WHERE wait_event_type = 'Lock' AND query LIKE '%CREATE TABLE orders%')"
        )
        task.kill()

    assert start(database).wait_until_up().post("/orders", ORDER).status == 201


def test_a_migration_that_fails_ends_the_process_with_the_reason(
    start: Start, database: Database
) -> None:
    with database.connect() as other:
        other.execute("CREATE TABLE orders ()")
    task = start(database)

    assert task.wait() == 1
    assert [line["message"] for line in task.log if line["level"] == "ERROR"] == [
        'migration failed: relation "orders" already exists',
        "A migration failed: nothing was changed. The line above says why.",
    ]


@pytest.mark.parametrize(
    ("variable", "value", "reason"),
    [
        ("DB_PASSWORD", "canary-of-a-wrong-password", "password authentication failed"),
        ("DB_USERNAME", "nobody", "password authentication failed"),
        ("DB_NAME", "nowhere", "does not exist"),
    ],
)
def test_a_denial_ends_the_process_with_one_line_and_no_secret(
    start: Start, database: Database, variable: str, value: str, reason: str
) -> None:
    task = start(database, **{variable: value})

    assert task.wait() == 1
    [line] = task.log
    assert line["level"] == "ERROR"
    assert reason in line["message"]
    assert "canary" not in "".join(task.output)


def test_a_certificate_that_nobody_trusts_ends_the_process(
    start: Start, database: Database, postgresql: PostgreSQL
) -> None:
    certificate = {"DB_SSLROOTCERT": str(postgresql.certificate)}
    with_its_name = start(database, DB_HOST="localhost", **certificate)
    with_another_name = start(database, **certificate)

    with_its_name.wait_until_up()
    assert with_another_name.wait() == 1
    assert "does not match host name" in with_another_name.log[-1]["message"]


def test_the_connection_is_encrypted_by_default(
    start: Start, database: Database, service: Service
) -> None:
    service.get("/orders")
    with database.connect() as other:
        rows = other.execute(
            "SELECT DISTINCT ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) "
            "WHERE application_name = 'orders' AND datname = current_database()"
        ).fetchall()

    assert rows == [(True,)]


def test_every_bad_setting_is_named_at_once(start: Start, database: Database) -> None:
    bad = {"DB_PASSWORD": "", "DB_PORT": "canary", "PORT": "65536", "DB_SSLMODE": "prefer"}
    bad |= {"BIND_HOST": "here", "DB_SSLROOTCERT": "/nowhere", "LOG_LEVEL": "loud"}
    task = start(database, **bad)

    assert task.wait() == 1
    [line] = task.log
    assert all(name in line["message"] for name in bad)
    assert "canary" not in line["message"]


def test_a_database_that_stays_away_ends_the_process(
    start: Start, database: Database, relay: Relay
) -> None:
    task = start(database, DB_PORT=str(relay.port), DB_WAIT_SECONDS="0")

    assert task.wait() == 1
    assert "could not be reached in 0 s" in task.log[-1]["message"]


def test_a_database_that_comes_late_is_waited_for(
    start: Start, database: Database, relay: Relay
) -> None:
    task = start(database, DB_PORT=str(relay.port))
    task.wait_for_line(lambda line: "next try in" in line)
    relay.open()

    assert task.wait_until_up().get("/health/database").status == 200


def test_a_task_listens_only_when_its_first_request_need_not_wait_for_a_login(
    start: Start, service: Service, database: Database, relay: Relay
) -> None:
    relay.open(unhindered=1)  # the login that finds the schema up to date, not the pool's
    task = start(database, DB_PORT=str(relay.port))
    task.wait_for_line(lambda line: "Waiting for application startup" in line)
    longer_than_a_request_waits = threading.Timer(4, relay.resumed.set)
    longer_than_a_request_waits.start()

    assert task.wait_until_up().post("/orders", ORDER).status == 201


def test_a_task_that_waits_for_its_database_can_be_stopped(
    start: Start, database: Database, relay: Relay
) -> None:
    task = start(database, DB_PORT=str(relay.port))
    task.wait_for_line(lambda line: "next try in" in line)
    task.terminate()

    assert task.wait() == 0


def test_while_the_database_is_away_the_task_stays_and_says_503(
    start: Start, database: Database, relay: Relay
) -> None:
    relay.open()
    task = start(database, DB_PORT=str(relay.port)).wait_until_up()
    path = task.post("/orders", ORDER).headers["Location"]
    relay.close()

    away = task.get(path)
    assert away.status == 503
    assert away.headers["Retry-After"] == "5"
    assert task.get("/health/database").status == 503
    assert task.get("/health").status == 200

    relay.open()
    while task.get("/health/database").status != 200:
        assert task.process.poll() is None
    assert task.get(path).status == 200


def test_sigterm_lets_the_request_in_flight_finish(service: Service, database: Database) -> None:
    body = json.dumps(ORDER).encode()
    head = (
        "POST /orders HTTP/1.1\r\nHost: orders\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\nExpect: 100-continue\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", service.port), timeout=60) as connection:
        connection.sendall(head.encode())
        assert connection.recv(100).startswith(b"HTTP/1.1 100")  # the order is being read
        service.terminate()
        service.wait_for_line(lambda line: "Waiting for connections to close" in line)
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", service.port))
        connection.sendall(body)
        answer = b"".join(iter(lambda: connection.recv(4096), b""))

    assert answer.startswith(b"HTTP/1.1 201")
    assert service.wait() == 0
    with database.connect() as other:
        assert other.execute("SELECT count(*) FROM orders").fetchone() == (1,)


def test_each_request_is_one_json_line_without_what_it_carried(
    service: Service, database: Database
) -> None:
    path = service.post("/orders", {**ORDER, "item": "canary-item"}).headers["Location"]
    service.get("/orders?after=0&limit=7")
    service.get(f"{path}?canary-query")
    service.get("/health")
    service.terminate()
    service.wait()

    requests = [line for line in service.log if line["logger"] == "orders.access"]
    assert [(line["method"], line["path"], line["status"]) for line in requests] == [
        ("POST", "/orders", 201),
        ("GET", "/orders", 200),
        ("GET", path, 200),
    ]
    assert all(line["duration_ms"] > 0 for line in requests)
    assert "canary" not in "".join(service.output)


def test_what_is_personal_in_a_path_is_written_masked(service: Service) -> None:
    """All kinds, by the process that runs; the README counts them."""
    told = {kind: texts[0] for kind, texts in PERSONAL.items()}
    for text in told.values():
        service.get(f"/orders/{quote(text)}")
    service.terminate()
    service.wait()

    paths = [line["path"] for line in service.log if line["logger"] == "orders.access"]
    assert paths == [f"/orders/[{kind}]" for kind in told]
    assert not [text for text in told.values() if text in "".join(service.output)]


def test_a_request_is_followed_by_the_root_of_the_load_balancers_trace_id(
    service: Service,
) -> None:
    root = "1-67891233-abcdef012345678912345678"
    for header in (f"Root={root}", f"Self=1-67891234-12456789abcdef012345678;Root={root}", "x"):
        service.request("GET", "/orders", headers={"X-Amzn-Trace-Id": header})
    service.terminate()
    service.wait()

    traces = [line["trace_id"] for line in service.log if line["logger"] == "orders.access"]
    assert traces == [root, root, None]


def test_a_line_has_the_fields_of_the_convention(service: Service, database: Database) -> None:
    """docs/logs.md of the platform."""
    with database.connect() as other:
        other.execute("ALTER TABLE orders ADD CHECK (item <> 'canary')")
    service.post("/orders", {**ORDER, "item": "canary"})
    service.terminate()
    service.wait()

    every = {"time", "level", "logger", "message"}
    request = {"method", "path", "status", "duration_ms", "trace_id"}
    failure = {"error", "stack"}
    assert all(every <= line.keys() <= every | request | failure for line in service.log)
    (access,) = [line for line in service.log if line["logger"] == "orders.access"]
    assert access.keys() == every | request
    (failed,) = [line for line in service.log if line["level"] == "ERROR"]
    assert failed.keys() == every | failure
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", access["time"])


def test_a_defect_is_answered_with_500_and_logged_without_its_text(
    service: Service, database: Database
) -> None:
    with database.connect() as other:
        other.execute("ALTER TABLE orders ADD CHECK (item <> 'canary')")
    answer = service.post("/orders", {**ORDER, "item": "canary"})
    service.terminate()
    service.wait()

    assert answer.status == 500
    [line] = [line for line in service.log if line["level"] == "ERROR"]
    assert line["error"] == "CheckViolation"
    assert "app.py" in line["stack"]
    assert "canary" not in "".join(service.output)


def test_the_playbook_stays_as_short_as_promised(folder: Path) -> None:
    lines = (folder / "deploy.yml").read_text().splitlines()

    assert len([line for line in lines if not line.startswith(("#", "---"))]) <= 15
