"""What restore.yml asks of the database function: a database beside a service's own."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import psycopg2
import pytest

from tests.integration.custom_resources.postgres_servers import PostgresServer
from tests.integration.custom_resources.service import Service, new_password
from tests.integration.custom_resources.support import CloudFormation

CONTEXT = SimpleNamespace(get_remaining_time_in_millis=lambda: 100_000, aws_request_id="a-request")
Ask = Callable[..., dict[str, Any]]


@pytest.fixture
def ask(cfn: CloudFormation, service: Service) -> Ask:
    """Create the service's database, and send a request."""
    from custom_resources.database.function import handler

    created = cfn.send(
        handler, "Create", service.both, stack_id=service.stack_id, logical_id="DatabaseAndUsers"
    )
    assert created.succeeded, created.reason

    def send(do: str, **given: str) -> dict[str, Any]:
        limits = {it: given.pop(it) for it in [*given] if it[0].isupper()}
        event = {"quayside": "restore", "do": do, "stack_id": service.stack_id, **given}
        properties = service.both | limits
        answer: dict[str, Any] = handler({**event, "properties": properties}, CONTEXT) or {}
        return answer

    return send


def as_user(service: Service, colour: str, database: str, statement: str) -> Any:
    return service.postgres.query_as(
        service.user(colour), service.passwords[colour], database, statement
    )


def test_both_users_work_as_the_owner_role_in_a_database_beside_and_nobody_else_gets_in(
    service: Service, ask: Ask, new_stack: Callable[[], str], aws: Any, postgres: PostgresServer
) -> None:
    beside = f"{service.name}_at_1"
    assert ask("beside", database=beside) == {"done": True}
    as_user(service, "blue", beside, "CREATE TABLE lines (line text)")
    as_user(service, "green", beside, "ALTER TABLE lines ADD number int")
    owner = "SELECT tableowner FROM pg_tables WHERE tablename = 'lines'"
    assert as_user(service, "green", beside, owner) == [(f"{service.name}_owner",)]

    other = Service(aws, postgres, f"{service.name}o", new_stack())
    other.convergence(other.both).create()
    with pytest.raises(psycopg2.OperationalError, match="permission denied for database"):
        as_user(other, "blue", beside, "SELECT 1")


def test_the_users_have_their_limits_in_a_database_beside(service: Service, ask: Ask) -> None:
    ask("beside", database=f"{service.name}_at_1", StatementTimeoutSeconds="30")
    found = as_user(service, "green", f"{service.name}_at_1", "SHOW statement_timeout")
    assert found == [("30s",)]


def test_a_database_beside_takes_the_name_and_gives_it_back(service: Service, ask: Ask) -> None:
    beside, kept = f"{service.name}_at_1", f"{service.name}_before_1"
    service.run("blue", "CREATE TABLE t_today (line text)")
    ask("beside", database=beside)
    as_user(service, "blue", beside, "CREATE TABLE t_then (line text)")

    assert ask("swap", database=beside, kept=kept) == {"done": True}
    role = "SELECT current_user, (SELECT max(tablename) FROM pg_tables WHERE tablename ~ '^t')"
    assert service.run("green", role) == [(f"{service.name}_owner", "t_then")]

    assert ask("swap", database=kept, kept=beside) == {"done": True}
    assert service.run("green", role) == [(f"{service.name}_owner", "t_today")]
    assert ask("drop", database=beside) == {"done": True}
    with pytest.raises(psycopg2.OperationalError, match="does not exist"):
        as_user(service, "blue", beside, "SELECT 1")


def test_nothing_is_swapped_or_dropped_under_somebody(service: Service, ask: Ask) -> None:
    beside = f"{service.name}_at_1"
    ask("beside", database=beside)
    for database, requests in ((service.name, ["swap"]), (beside, ["swap", "drop"])):
        user, password = service.user("blue"), service.passwords["blue"]
        with contextlib.closing(service.postgres.connect(user, password, database)):
            for do in requests:
                refused = ask(do, database=beside, kept="k")["refused"]
                assert f"{user} is connected to the database {database}." in refused
    assert ask("swap", database=beside, kept=f"{service.name}_k") == {"done": True}


@pytest.mark.parametrize(
    ("do", "database", "refusal"),
    [
        ("swap", "no_such_one", "There is no database no_such_one."),
        ("drop", "postgres", "The database postgres is none that was restored or kept for"),
        ("drop", "x; DROP DATABASE y", "is no name of a database."),
        ("look", "postgres", "The function can't 'look'."),
    ],
)
def test_what_is_not_the_services_stays(ask: Ask, do: str, database: str, refusal: str) -> None:
    assert refusal in ask(do, database=database, kept="kept")["refused"]


def test_the_own_database_is_never_dropped_and_a_taken_name_never_given(
    service: Service, ask: Ask
) -> None:
    beside = f"{service.name}_at_1"
    ask("beside", database=beside)
    assert "is none that was restored" in ask("drop", database=service.name)["refused"]
    assert "There is a database" in ask("beside", database=beside)["refused"]
    assert "There is a database" in ask("swap", database=beside, kept="postgres")["refused"]
    assert service.run("blue", "SELECT 1") == [(1,)]


def test_the_users_of_a_copy_get_the_passwords_of_today(
    service: Service, ask: Ask, log_lines: list[str]
) -> None:
    today = new_password()
    service.put_secret("blue", today)
    assert ask("users") == {"done": True}
    assert service.run("blue", "SELECT 1", password=today) == [(1,)]
    assert not any(today in line for line in log_lines)


def test_a_service_that_had_no_database_then_gets_none(service: Service, ask: Ask) -> None:
    service.postgres.query(f"DROP DATABASE {service.name}")
    assert "At that moment there was no database" in ask("users")["refused"]
