"""A repair, as CloudFormation asks for it: a greater number than before."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import psycopg2
import pytest

from custom_resources.database import logins
from custom_resources.postgres.locks import roles_locked
from tests.integration.custom_resources.postgres_servers import PostgresServer
from tests.integration.custom_resources.service import Service, new_password
from tests.integration.custom_resources.support import Answer, CloudFormation

AGREE = "database and secrets agree (repair 2). "
TASKS = (
    " Tasks that began before then may have a password that is denied now: replace them "
    "(rotate.yml moves the service to the other user)."
)
Repair = Callable[..., Answer]
one_version = pytest.mark.parametrize("postgres", [17], indirect=True, ids=["postgres17"])


@pytest.fixture(autouse=True)
def quick_proofs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logins, "_SECONDS_BETWEEN_PROOFS", 0.02)


@pytest.fixture
def repair(cfn: CloudFormation, service: Service) -> Repair:
    """Create the database, and send the update of a repair."""
    from custom_resources.database.function import handler

    where: dict[str, Any] = {"stack_id": service.stack_id, "logical_id": "Database"}
    created = cfn.send(handler, "Create", service.both, **where)
    assert created.succeeded, created.reason

    def run(number: str = "2", before: str = "1", **properties: str) -> Answer:
        wanted = service.both | {"Repair": number} | properties
        old = service.both | {"Repair": before}
        given = where | {"physical_id": created.physical_id, "old": old}
        return cfn.send(handler, "Update", wanted, **given)

    return run


def logs_in(service: Service, colour: str) -> bool:
    """Whether AWSCURRENT lets a user in."""
    value = service.secretsmanager.get_secret_value(SecretId=service.secret_arns[colour])
    password = json.loads(value["SecretString"])["password"]
    try:
        return service.run(colour, "SELECT 1", password=password) == [(1,)]
    except psycopg2.OperationalError:
        return False


def put_into_the_secret(service: Service, colour: str) -> None:
    service.put_secret(colour, new_password())


def set_in_the_database(service: Service, colour: str) -> None:
    service.set_in_database(colour, new_password())


def left_half_way_by_a_rotation(service: Service, colour: str) -> None:
    rotated = new_password()
    service.put_secret(colour, rotated, "AWSPENDING")
    service.set_in_database(colour, rotated)


def locked_out(service: Service, colour: str) -> None:
    service.postgres.query(f"ALTER ROLE {service.user(colour)} NOLOGIN")


def expired(service: Service, colour: str) -> None:
    service.postgres.query(f"ALTER ROLE {service.user(colour)} VALID UNTIL '2001-01-01'")


def told(service: Service, colour: str, took: str, active: str) -> str:
    said = f"{service.user(colour)} has the password of its secret again, the database took {took}"
    return f"{said} of it." + (TASKS if took != "no version" and colour == active else "")


@pytest.mark.parametrize("active", ["blue", "green"])
@pytest.mark.parametrize(
    ("broken", "took"),
    [
        (put_into_the_secret, "AWSPREVIOUS"),
        (left_half_way_by_a_rotation, "AWSPENDING"),
        (set_in_the_database, "no version"),
        (locked_out, "no version"),
        (expired, "no version"),
    ],
)
def test_a_user_whom_its_secret_does_not_let_in_is_mended_and_told(
    repair: Repair,
    service: Service,
    active: str,
    broken: Callable[[Service, str], None],
    took: str,
) -> None:
    broken(service, "green")
    assert not logs_in(service, "green")
    answer = repair(ActiveUser=active)

    assert answer.succeeded, answer.reason
    assert logs_in(service, "green")
    assert logs_in(service, "blue")
    assert answer.data["Repaired"] == (
        f"{AGREE}{service.user('blue')} logs in with its secret. "
        f"{told(service, 'green', took, active)} "
        f"All in the database belongs to {service.name}_owner."
    )


@one_version
def test_a_service_with_one_user_is_not_sent_to_rotate_it(repair: Repair, service: Service) -> None:
    put_into_the_secret(service, "blue")
    said = repair(GreenSecretArn="").data["Repaired"]

    assert "replace them (force a new deployment)." in said
    assert logs_in(service, "blue")


@one_version
def test_a_rotation_that_finishes_meanwhile_is_waited_for(
    repair: Repair, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    left_half_way_by_a_rotation(service, "green")
    pending = service.secretsmanager.get_secret_value(
        SecretId=service.secret_arns["green"], VersionStage="AWSPENDING"
    )
    rotated = json.loads(pending["SecretString"])["password"]
    monkeypatch.setattr(
        "custom_resources.database.logins.time.sleep",
        lambda _seconds: service.put_secret("green", rotated),
    )
    answer = repair()

    assert f"{service.user('green')} logs in with its secret." in answer.data["Repaired"]
    service.run("green", "SELECT 1", password=rotated)


@one_version
def test_a_password_is_not_set_while_a_rotation_makes_one_current(
    repair: Repair, service: Service, postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """finishSecret proves AWSPENDING and moves AWSCURRENT under one lock."""
    from custom_resources.postgres import connection

    put_into_the_secret(service, "green")
    monkeypatch.setattr(connection, "_STATEMENT_MILLISECONDS", 200)
    with roles_locked(
        postgres.connect("rdsadmin", postgres.superuser_password, "postgres"), service.user("green")
    ):
        assert "Another session has been changing the roles" in repair().reason
    assert not logs_in(service, "green")


@one_version
@pytest.mark.parametrize(
    "text", ["a password alone", '{"password": "CANARY"}', '{"username": "", "password": "CANARY"}']
)
def test_a_secret_of_another_form_is_named_and_its_value_is_not(
    repair: Repair, service: Service, text: str
) -> None:
    arn = service.secret_arns["green"]
    service.secretsmanager.put_secret_value(SecretId=arn, SecretString=text)
    answer = repair()

    assert answer.reason.startswith(f"The secret {arn} is not a JSON object with username and")
    assert "AWSCURRENT back" in answer.reason
    assert "CANARY" not in answer.reason


@one_version
@pytest.mark.parametrize("server", [{}, {"host": "localhost"}, {"host": "other", "port": 1}])
def test_a_secret_that_does_not_name_the_server_is_told(
    repair: Repair, service: Service, server: dict[str, object]
) -> None:
    """Its users log in, and its rotation fails."""
    content = {"username": service.user("blue"), "password": new_password(), **server}
    service.secretsmanager.put_secret_value(
        SecretId=service.secret_arns["blue"], SecretString=json.dumps(content)
    )
    said = repair().data["Repaired"]

    assert said.startswith(
        f"not all agrees (repair 2). The secret of {service.user('blue')} does not name the server "
        f"localhost:{service.postgres.port}, so that its rotation fails"
    )
    assert logs_in(service, "blue")


@one_version
@pytest.mark.parametrize(("number", "before"), [("1", "1"), ("1", "2"), ("0", "1")])
def test_without_a_greater_number_nothing_is_repaired(
    repair: Repair, service: Service, number: str, before: str
) -> None:
    put_into_the_secret(service, "green")
    answer = repair(number, before)

    assert answer.data["Repaired"].startswith("none since the last change")
    assert not logs_in(service, "green")


@one_version
def test_a_deployment_sends_to_repair_and_a_repair_does_not(
    repair: Repair, service: Service
) -> None:
    put_into_the_secret(service, "blue")

    assert "make database and secret agree (repair.yml)" in repair("1", "1").reason
    assert repair().succeeded


@one_version
def test_no_secret_is_told_and_a_thousand_objects_fit_into_the_answer(
    repair: Repair, service: Service, postgres: PostgresServer, log_lines: list[str]
) -> None:
    for number in range(1000):
        name = f'public."Straße {number} {"x" * 40}"'
        made = f"CREATE TABLE {name} (id int); ALTER TABLE {name} OWNER TO quayside"
        postgres.query(made, database=service.name)
    put_into_the_secret(service, "blue")
    answers = [repair(), repair("3", "2", RepairOwnership="true")]

    assert "Not owned by " in answers[0].data["Repaired"]
    assert f"{service.name}_owner was given 1000 table of quayside" in answers[1].data["Repaired"]
    for answer in answers:
        assert len(answer.data["Repaired"]) < 2000
    everything = "".join([*log_lines, *(json.dumps(answer.data) for answer in answers)])
    assert "CANARY" not in everything
    assert "SCRAM-SHA-256$" not in everything
    assert sum("Straße 999" in line or "Stra\\u00dfe 999" in line for line in log_lines) == 2
