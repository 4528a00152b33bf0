"""Limits of a service's users: on, changed and off, by the events that CloudFormation sends."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import psycopg2
import pytest

from custom_resources.database import logins
from tests.integration.custom_resources.service import Service, new_password
from tests.integration.custom_resources.support import Answer, CloudFormation

Update = Callable[..., Answer]
NONE: dict[str, str] = {}
BOTH = {"StatementTimeoutSeconds": "2", "ConnectionLimit": "6"}


@pytest.fixture(autouse=True)
def quick_proofs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logins, "_SECONDS_BETWEEN_PROOFS", 0.02)


@pytest.fixture
def send(cfn: CloudFormation, service: Service) -> Update:
    from custom_resources.database.function import handler

    def run(kind: str, wanted: dict[str, str], *, before: dict[str, str] = NONE) -> Answer:
        more: dict[str, Any] = {"stack_id": service.stack_id, "logical_id": "Database"}
        if kind != "Create":
            more["physical_id"] = f"database:{service.name}"
        if kind == "Update":
            more["old"] = service.both | before
        return cfn.send(handler, kind, service.both | wanted, **more)

    return run


@pytest.fixture
def sent(send: Update) -> Update:
    def run(*event: Any, **more: Any) -> Answer:
        answer = send(*event, **more)
        assert answer.succeeded, answer.reason
        return answer

    return run


def limits(service: Service, colour: str) -> tuple[str, int]:
    """Statement time-out in the service's database and connection limit, as the server has them."""
    user = service.user(colour)
    found = service.postgres.query(
        "SELECT unnest(setconfig) FROM pg_db_role_setting"
        " JOIN pg_database ON pg_database.oid = setdatabase"
        " WHERE setrole = %s::regrole AND datname = %s",
        user,
        service.name,
    )
    settings = dict(row[0].split("=") for row in found)
    ((limit,),) = service.postgres.query(
        "SELECT rolconnlimit FROM pg_roles WHERE rolname = %s", user
    )
    return settings.get("statement_timeout", ""), limit


@contextmanager
def connections(service: Service, colour: str, number: int) -> Iterator[None]:
    user, password = service.user(colour), service.passwords[colour]
    with ExitStack() as opened:
        for _ in range(number):
            opened.callback(service.postgres.connect(user, password, service.name).close)
        yield


def test_both_users_get_limits_others_and_none(sent: Update, service: Service) -> None:
    sent("Create", NONE)
    wanted: list[dict[str, str]] = [
        BOTH,
        {"StatementTimeoutSeconds": "60", "ConnectionLimit": "9"},
        NONE,
    ]
    seen, before = [], NONE
    for properties in wanted:
        sent("Update", properties, before=before)
        seen.append([limits(service, colour) for colour in ("blue", "green")])
        assert service.run("blue", "SELECT 1") == service.run("green", "SELECT 1") == [(1,)]
        before = properties
    assert seen == [[("2s", 6)] * 2, [("60s", 9)] * 2, [("", -1)] * 2]


def test_a_statement_ends_after_its_seconds_and_the_admin_s_own_does_not(
    sent: Update, service: Service
) -> None:
    sent("Create", {"StatementTimeoutSeconds": "1"})
    for colour in ("blue", "green"):
        with pytest.raises(psycopg2.errors.QueryCanceled):
            service.run(colour, "SELECT pg_sleep(5)")
    assert service.postgres.query("SELECT pg_sleep(1.5)", database=service.name)


def test_one_connection_more_than_the_limit_is_refused_to_its_user_alone(
    sent: Update, service: Service
) -> None:
    sent("Create", {"ConnectionLimit": "5"})
    with connections(service, "blue", 5):
        with pytest.raises(psycopg2.OperationalError, match="too many connections for role"):
            service.run("blue", "SELECT 1")
        assert service.run("green", "SELECT 1") == [(1,)]


def test_a_flip_away_from_a_user_with_all_its_connections_is_not_held_up(
    sent: Update, service: Service
) -> None:
    limit = {"ConnectionLimit": "5"}
    sent("Create", limit)
    with connections(service, "blue", 5):
        sent("Update", limit | {"ActiveUser": "green"}, before=limit)
    assert limits(service, "blue") == ("", 5)


def test_a_wrong_password_shows_while_all_connections_are_in_use(
    sent: Update, service: Service
) -> None:
    """The server looks at the password first: what 53300 proves hangs on it."""
    limit = {"ConnectionLimit": "5"}
    sent("Create", limit)
    with connections(service, "blue", 5):
        service.put_secret("blue", new_password())
        answer = sent("Update", limit | {"Repair": "1"}, before=limit)
    assert f"{service.user('blue')} has the password of its secret again" in answer.data["Repaired"]


def test_a_limit_that_the_connections_of_now_pass_is_refused_and_nothing_changes(
    send: Update, sent: Update, service: Service
) -> None:
    sent("Create", {"ConnectionLimit": "10"})
    with connections(service, "green", 7):
        wanted = {"ConnectionLimit": "6", "StatementTimeoutSeconds": "3"}
        answer = send("Update", wanted, before={"ConnectionLimit": "10"})
    assert not answer.succeeded
    assert f"ConnectionLimit is 6, and the user {service.user('green')} has 7" in answer.reason
    assert limits(service, "blue") == limits(service, "green") == ("", 10)


def test_what_was_changed_by_hand_is_set_again_by_the_next_deployment(
    sent: Update, service: Service
) -> None:
    sent("Create", BOTH)
    by_hand(service, "blue")
    sent("Update", BOTH | {"ActiveUser": "green"}, before=BOTH)
    assert limits(service, "blue") == ("2s", 6)


def test_a_repair_sets_it_again_too_and_tells_what_it_was(sent: Update, service: Service) -> None:
    sent("Create", BOTH)
    by_hand(service, "green")
    told = sent("Update", BOTH | {"Repair": "1"}, before=BOTH).data["Repaired"]

    user = service.user("green")
    assert f"{user}: statement_timeout is 2s again, it was 5min." in told
    assert f"{user}: connection limit is 6 again, it was 77." in told
    assert told.startswith("database and secrets agree (repair 1).")
    assert limits(service, "green") == ("2s", 6)


def test_what_no_parameter_set_stays_and_is_told(sent: Update, service: Service) -> None:
    sent("Create", NONE)
    by_hand(service, "blue")
    sent("Update", {"ActiveUser": "green"})
    told = sent("Update", {"Repair": "1"}).data["Repaired"]

    user = service.user("blue")
    assert f"{user}: statement_timeout is 5min, which no parameter set: it stays." in told
    assert f"{user}: connection limit is 77, which no parameter set: it stays." in told
    assert limits(service, "blue") == ("5min", 77)


def test_a_database_that_is_kept_has_no_limits_of_ours(sent: Update, service: Service) -> None:
    sent("Create", {"ConnectionLimit": "6"})
    service.postgres.query(
        f"ALTER ROLE {service.user('blue')} IN DATABASE {service.name}"
        " SET statement_timeout = '5min'"
    )
    sent("Delete", {"ConnectionLimit": "6"})
    assert limits(service, "blue") == ("5min", -1)
    assert limits(service, "green") == ("", -1)


def by_hand(service: Service, colour: str) -> None:
    user = service.user(colour)
    service.postgres.query(
        f"ALTER ROLE {user} IN DATABASE {service.name} SET statement_timeout = '5min'"
    )
    service.postgres.query(f"ALTER ROLE {user} CONNECTION LIMIT 77")
