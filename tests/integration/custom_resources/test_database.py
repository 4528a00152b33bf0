"""Custom::Database against PostgreSQL of every version, by an admin who is no superuser."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import combinations
from typing import Any

import psycopg2
import pytest

from custom_resources.database import logins
from local_aws.control import LocalAws
from tests.integration.custom_resources.postgres_servers import PostgresServer
from tests.integration.custom_resources.service import Service, client, new_password
from tests.integration.custom_resources.support import (
    Answer,
    CloudFormation,
    InterruptedClient,
    Interruption,
    Killed,
    interruptions,
)

Send = Callable[..., Answer]
one_version = pytest.mark.parametrize("postgres", [17], indirect=True, ids=["postgres17"])


@pytest.fixture
def send(cfn: CloudFormation, stack_id: str) -> Send:
    from custom_resources.database.function import handler

    return partial(cfn.send, handler, stack_id=stack_id, logical_id="Database")


@pytest.fixture
def converged(send: Send) -> Send:
    """Send an event that has to succeed."""

    def run(*event: Any, **more: Any) -> Answer:
        answer = send(*event, **more)
        assert answer.succeeded, answer.reason
        return answer

    return run


@pytest.fixture
def quick_proofs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logins, "_SECONDS_BETWEEN_PROOFS", 0.05)


def denied(service: Service, colour: str, **password: str) -> bool:
    try:
        service.run(colour, "SELECT 1", **password)
    except psycopg2.OperationalError as error:
        return "password authentication failed" in str(error) or "not permitted" in str(error)
    return False


# --- Create ---


def test_create_answers_database_owner_and_active_user(converged: Send, service: Service) -> None:
    created = converged("Create", service.blue)

    assert created.physical_id == f"database:{service.name}"
    assert created.data == {
        "Database": service.name,
        "Owner": f"{service.name}_owner",
        "ActiveUser": "blue",
        "Repaired": "none since the last change of the database's properties",
    }


def test_both_users_work_as_the_owner_who_cannot_log_in(
    converged: Send, service: Service, postgres: PostgresServer
) -> None:
    converged("Create", service.both)

    for colour in ("blue", "green"):
        roles = service.run(colour, "SELECT session_user, current_user")
        assert roles == [(service.user(colour), f"{service.name}_owner")]
    login = "SELECT rolcanlogin FROM pg_roles WHERE rolname = %s"
    assert postgres.query(login, f"{service.name}_owner") == [(False,)]


@pytest.mark.parametrize(("first", "second"), [("blue", "green"), ("green", "blue")])
def test_what_one_user_creates_the_other_alters_and_drops(
    converged: Send, service: Service, first: str, second: str
) -> None:
    converged("Create", service.both)

    service.run(first, "CREATE TABLE orders (id int)")
    service.run(second, "ALTER TABLE orders ADD COLUMN item text")
    service.run(second, "INSERT INTO orders VALUES (1, 'a')")
    assert service.run(first, "SELECT * FROM orders") == [(1, "a")]
    service.run(second, "DROP TABLE orders")


def test_one_service_is_denied_anothers_database(
    converged: Send, service: Service, aws: LocalAws, postgres: PostgresServer, stack_id: str
) -> None:
    other = Service(aws, postgres, service.name + "_b", stack_id)
    converged("Create", service.blue)
    converged("Create", other.blue, logical_id="Other")

    with pytest.raises(psycopg2.OperationalError, match="permission denied for database"):
        postgres.query_as(other.user("blue"), other.passwords["blue"], service.name, "SELECT 1")


def test_the_server_is_sent_verifiers_only(
    converged: Send, service: Service, postgres: PostgresServer
) -> None:
    converged("Create", service.both)

    (verifier,) = postgres.query(
        "SELECT rolpassword FROM pg_authid WHERE rolname = %s", service.user("blue")
    )[0]
    assert verifier.startswith("SCRAM-SHA-256$")
    assert verifier in postgres.log  # it does log statements whole
    assert not [word for word in service.passwords.values() if word in postgres.log]


def test_extensions_are_created_and_may_be_asked_for_again(
    converged: Send, service: Service
) -> None:
    wanted = service.blue | {"Extensions": ["pgcrypto", " pg_trgm", ""]}
    converged("Create", wanted)
    converged("Create", wanted)

    names = service.run("blue", "SELECT extname FROM pg_extension ORDER BY 1")
    assert [row for row in names if row != ("plpgsql",)] == [("pg_trgm",), ("pgcrypto",)]


def test_an_extension_that_the_server_lacks_is_named(send: Send, service: Service) -> None:
    refused = send("Create", service.blue | {"Extensions": ["no_such_thing"]})

    assert 'extension "no_such_thing" is not available' in refused.reason


def test_create_sets_the_passwords_of_users_that_are_there(
    converged: Send, service: Service
) -> None:
    converged("Create", service.both)
    for colour in ("blue", "green"):
        service.set_in_database(colour, new_password())
    converged("Create", service.both)

    assert service.run("blue", "SELECT 1") == service.run("green", "SELECT 1") == [(1,)]


# --- Update ---


def test_green_is_added_later_and_blue_is_left_as_it_was(
    converged: Send, service: Service, postgres: PostgresServer
) -> None:
    physical_id = converged("Create", service.blue).physical_id
    service.run("blue", "CREATE TABLE orders (id int)")
    verifier = "SELECT rolpassword FROM pg_authid WHERE rolname = %s"
    before = postgres.query(verifier, service.user("blue"))
    converged("Update", service.both | {"ActiveUser": "green"}, physical_id=physical_id)

    service.run("green", "ALTER TABLE orders ADD COLUMN item text")
    assert postgres.query(verifier, service.user("blue")) == before


def test_a_user_is_reset_if_no_stage_works(converged: Send, service: Service) -> None:
    physical_id = converged("Create", service.both).physical_id
    service.set_in_database("green", new_password())
    converged("Update", service.both, physical_id=physical_id)

    assert not denied(service, "green")


@pytest.mark.parametrize("stage", ["AWSPENDING", "AWSPREVIOUS"])
def test_the_idle_user_is_left_alone_if_another_stage_works(
    converged: Send, service: Service, stage: str
) -> None:
    physical_id = converged("Create", service.both).physical_id
    password = put_so_that_only_this_stage_works(service, "green", stage)
    converged("Update", service.both, physical_id=physical_id)

    assert not denied(service, "green", password=password)


@pytest.mark.usefixtures("quick_proofs")
@pytest.mark.parametrize("stage", ["AWSPENDING", "AWSPREVIOUS"])
def test_a_flip_to_a_user_that_awscurrent_does_not_let_in_fails(
    converged: Send, send: Send, service: Service, stage: str
) -> None:
    physical_id = converged("Create", service.both).physical_id
    password = put_so_that_only_this_stage_works(service, "green", stage)
    refused = send("Update", service.both | {"ActiveUser": "green"}, physical_id=physical_id)

    assert refused.reason.startswith(f"The green user {service.user('green')} can't log in to")
    assert refused.physical_id == physical_id
    assert not denied(service, "green", password=password)


@pytest.mark.usefixtures("quick_proofs")
def test_a_flip_waits_for_a_rotation_that_is_about_to_finish(
    converged: Send, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    physical_id = converged("Create", service.both).physical_id
    rotated = put_so_that_only_this_stage_works(service, "green", "AWSPENDING")

    def finish_rotation(_seconds: float) -> None:
        service.put_secret("green", rotated)

    monkeypatch.setattr(time, "sleep", finish_rotation)
    converged("Update", service.both | {"ActiveUser": "green"}, physical_id=physical_id)

    assert not denied(service, "green", password=rotated)


def test_a_rotation_between_the_proof_and_the_reset_is_not_undone(
    service: Service, aws: LocalAws
) -> None:
    """setSecret happens while the logins are tried: no stage that was read before works."""
    service.convergence(service.both).create()
    rotated = new_password()
    service.set_in_database("green", rotated)

    class RotatingSecrets:
        calls = 0

        def get_secret_value(self, **options: str) -> Any:
            if options["SecretId"] == service.secret_arns["green"]:
                self.calls += 1
                # AWSCURRENT once at the start, then the three stages of the first proof.
                if self.calls == 1 + 3 + 1:
                    service.put_secret("green", rotated, "AWSPENDING")
            return client(aws, "secretsmanager").get_secret_value(**options)

    rotating = RotatingSecrets()
    service.convergence(
        service.both,
        lambda name: rotating if name == "secretsmanager" else client(aws, name),
    ).update()

    assert not denied(service, "green", password=rotated)


def put_so_that_only_this_stage_works(service: Service, colour: str, stage: str) -> str:
    """Returns the password that the database has then."""
    if stage == "AWSPREVIOUS":
        before = service.passwords[colour]
        service.put_secret(colour, new_password())
        return before
    rotated = new_password()
    service.put_secret(colour, rotated, "AWSPENDING")
    service.set_in_database(colour, rotated)
    return rotated


def test_a_staging_label_on_a_version_without_a_value_does_not_matter(
    converged: Send, service: Service
) -> None:
    """What a refused rotation leaves: AWSPENDING with nothing behind it."""
    physical_id = converged("Create", service.both).physical_id
    service.put_secret("green", new_password(), "AWSPENDING")

    converged("Update", service.both, physical_id=physical_id)
    assert not denied(service, "green")


def test_green_without_its_secret_cannot_be_active(send: Send, service: Service) -> None:
    refused = send("Create", service.blue | {"ActiveUser": "green"})

    assert "Property ActiveUser is green, but GreenSecretArn is empty." in refused.reason
    assert refused.physical_id == "not-created:Database"


def test_another_database_name_is_refused_and_nothing_is_made(
    converged: Send, send: Send, service: Service
) -> None:
    other = service.name + "_b"
    created = converged("Create", service.both)
    refused = send("Update", service.both | {"Database": other}, physical_id=created.physical_id)

    assert refused.reason == (
        f"The service's database is called {service.name}, and can't become {other}. Set "
        f"service_database_name (parameter DatabaseName) to {service.name} again; for another name "
        "deploy another service, and move the data."
    )
    assert refused.physical_id == created.physical_id
    names = "SELECT datname FROM pg_database WHERE datname LIKE %s"
    assert service.postgres.query(names, service.name + "%") == [(service.name,)]


@pytest.mark.parametrize(
    ("changed", "variable"),
    [({"Port": "1"}, "rds_port"), ({"AdminUsername": "other"}, "rds_admin_username")],
)
def test_another_port_or_admin_of_the_same_cluster_is_refused(
    converged: Send, send: Send, service: Service, changed: dict[str, str], variable: str
) -> None:
    same = service.both | {"Cluster": "shop-rds-cluster-1"}
    created = converged("Create", same)
    given = {"physical_id": created.physical_id, "old": same}
    refused = send("Update", same | changed, **given)
    assert "can't become" in refused.reason
    assert f"Set {variable} of the rds stack" in refused.reason
    assert converged("Update", same, **given).physical_id == created.physical_id
    # With another cluster, restored from a snapshot, the port may be another one.
    restored = given | {"old": same | {"Cluster": "shop-rds-cluster-0", "Port": "1"}}
    assert converged("Update", same, **restored).physical_id == created.physical_id


# --- What isn't ours ---


def test_a_database_of_another_owner_is_refused_and_survives(
    send: Send, service: Service, postgres: PostgresServer
) -> None:
    postgres.query(f"CREATE DATABASE {service.name}")

    refused = send("Create", service.blue | {"DeletionPolicy": "Drop"})
    deleted = send(
        "Delete", service.blue | {"DeletionPolicy": "Drop"}, physical_id=f"database:{service.name}"
    )

    assert "exists and belongs to the role rdsadmin" in refused.reason
    assert refused.physical_id == "not-created:Database"
    assert deleted.succeeded
    assert postgres.query("SELECT 1 FROM pg_database WHERE datname = %s", service.name) == [(1,)]


def test_a_login_role_of_somebody_else_is_refused(
    send: Send, service: Service, postgres: PostgresServer
) -> None:
    postgres.query(f"CREATE ROLE {service.user('blue')} LOGIN PASSWORD 'theirs'")

    refused = send("Create", service.blue)

    assert "exists and was not made for the database" in refused.reason
    postgres.query_as(service.user("blue"), "theirs", "postgres", "SELECT 1")


def test_another_living_stacks_database_is_refused(
    converged: Send, send: Send, service: Service, stack_id: str, new_stack: Callable[[], str]
) -> None:
    converged("Create", service.blue)
    refused = send("Create", service.blue, stack_id=new_stack())
    converged("Delete", service.blue, stack_id=new_stack(), physical_id=f"database:{service.name}")

    assert f"belongs to the stack {stack_id}" in refused.reason
    assert not denied(service, "blue")


def test_a_deleted_stacks_database_is_adopted(
    converged: Send, service: Service, aws: LocalAws, new_stack: Callable[[], str]
) -> None:
    gone = new_stack()
    converged("Create", service.blue, stack_id=gone)
    aws.client("cloudformation").delete_stack(StackName=gone)
    aws.client("cloudformation").get_waiter("stack_delete_complete").wait(
        StackName=gone, WaiterConfig={"Delay": 0.1, "MaxAttempts": 100}
    )

    converged("Create", service.blue)
    assert not denied(service, "blue")


def test_a_copy_restored_from_a_snapshot_is_adopted_under_its_own_host(
    converged: Send, service: Service, new_stack: Callable[[], str]
) -> None:
    converged("Create", service.blue)

    copy = service.blue | {"Host": "127.0.0.1"}
    assert converged("Create", copy, stack_id=new_stack()).succeeded


def test_in_a_restored_copy_the_users_get_awscurrent(converged: Send, service: Service) -> None:
    physical_id = converged("Create", service.both).physical_id
    restored = put_so_that_only_this_stage_works(service, "blue", "AWSPREVIOUS")
    assert not denied(service, "blue", password=restored)
    converged("Update", service.both | {"Host": "127.0.0.1"}, physical_id=physical_id)

    assert denied(service, "blue", password=restored)


def test_a_renamed_logical_id_keeps_its_users_when_the_old_one_is_deleted(
    converged: Send, service: Service
) -> None:
    old = converged("Create", service.blue)
    converged("Create", service.blue, logical_id="Renamed")
    converged("Delete", service.blue, physical_id=old.physical_id)

    assert not denied(service, "blue")


# --- Delete ---


def test_delete_keeps_the_data_and_takes_login_and_sessions(
    converged: Send, service: Service, postgres: PostgresServer
) -> None:
    created = converged("Create", service.both)
    service.run("blue", "CREATE TABLE orders AS SELECT 1 AS id")
    session = postgres.connect(service.user("blue"), service.passwords["blue"], service.name)
    converged("Delete", service.both, physical_id=created.physical_id)

    with pytest.raises(psycopg2.OperationalError), session.cursor() as cursor:
        cursor.execute("SELECT 1")
    assert denied(service, "blue")
    assert denied(service, "green")
    assert postgres.query("SELECT id FROM orders", database=service.name) == [(1,)]


def test_a_stack_made_anew_finds_its_data(
    converged: Send, service: Service, new_stack: Callable[[], str]
) -> None:
    created = converged("Create", service.both)
    service.run("blue", "CREATE TABLE orders AS SELECT 1 AS id")
    converged("Delete", service.both, physical_id=created.physical_id)
    converged("Create", service.both, stack_id=new_stack())

    assert service.run("green", "SELECT id FROM orders") == [(1,)]


def test_drop_leaves_nothing_behind_even_with_sessions_open(
    converged: Send, service: Service, postgres: PostgresServer
) -> None:
    created = converged("Create", service.both)
    session = postgres.connect(service.user("blue"), service.passwords["blue"], service.name)
    dropping = service.both | DROPPING
    converged("Delete", dropping, physical_id=created.physical_id)
    converged("Delete", dropping, physical_id=created.physical_id)
    session.close()

    pattern = service.name + "%"
    assert not postgres.query("SELECT 1 FROM pg_roles WHERE rolname LIKE %s", pattern)
    assert not postgres.query("SELECT 1 FROM pg_database WHERE datname LIKE %s", pattern)


DROPPING = {"DeletionPolicy": "Drop"}


@pytest.mark.parametrize("policy", ["Retain", "Drop"])
def test_users_lose_their_login_whatever_else_they_were_granted(
    converged: Send, service: Service, postgres: PostgresServer, policy: str
) -> None:
    created = converged("Create", service.both)
    team = f"{service.name}_team"
    postgres.query(f"CREATE ROLE {team}")
    for role in ("pg_monitor", team):
        postgres.query(f"GRANT {role} TO {service.user('blue')} WITH ADMIN OPTION")
    # What it grants in its turn depends on it.
    postgres.query(f"CREATE ROLE {service.name}_guest")
    service.run("blue", f"SET ROLE NONE; GRANT {team} TO {service.name}_guest")
    session = postgres.connect(service.user("blue"), service.passwords["blue"], "postgres")
    converged("Delete", service.both | {"DeletionPolicy": policy}, physical_id=created.physical_id)

    assert denied(service, "blue")
    assert denied(service, "green")
    with pytest.raises(psycopg2.OperationalError), session.cursor() as cursor:
        cursor.execute("SELECT 1")
    left = postgres.query(
        "SELECT rolname FROM pg_roles WHERE rolname LIKE %s ORDER BY 1", service.name + "\\_%"
    )
    others = [(f"{service.name}_guest",), (team,)]
    kept = [(service.user(colour),) for colour in ("blue", "green")] + [(f"{service.name}_owner",)]
    assert left == sorted(others + (kept if policy == "Retain" else []))


def test_drop_keeps_what_a_user_owns_elsewhere_and_says_whose_it_is_now(
    converged: Send, service: Service, postgres: PostgresServer, log_lines: list[str]
) -> None:
    created = converged("Create", service.both)
    elsewhere = f"{service.name}_elsewhere"
    postgres.query(f"CREATE DATABASE {elsewhere} OWNER quayside")
    user, owner = service.user("blue"), f"{service.name}_owner"
    for role in (user, owner):
        postgres.query(f"GRANT CREATE ON DATABASE {elsewhere} TO {role}")
        postgres.query(f"CREATE SCHEMA {role} AUTHORIZATION {role}", database=elsewhere)
        table = f"CREATE TABLE {role}.t AS SELECT 1 AS id; ALTER TABLE {role}.t OWNER TO {role}"
        postgres.query(table, database=elsewhere)
    converged("Delete", service.both | DROPPING, physical_id=created.physical_id)

    assert postgres.query(f"SELECT id FROM {user}.t", database=elsewhere) == [(1,)]
    owners = "SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname LIKE %s"
    assert postgres.query(owners, service.name + "%", database=elsewhere) == [("quayside",)]
    assert not postgres.query("SELECT 1 FROM pg_roles WHERE rolname IN (%s, %s)", user, owner)
    assert f"{elsewhere}" in "".join(line for line in log_lines if "elsewhere is another's" in line)


def test_a_role_that_cannot_be_dropped_is_named_and_has_no_login(
    converged: Send, service: Service, postgres: PostgresServer, log_lines: list[str]
) -> None:
    created = converged("Create", service.both)
    closed = f"{service.name}_closed"
    postgres.query(f"CREATE DATABASE {closed}")
    postgres.query(f"REVOKE CONNECT ON DATABASE {closed} FROM PUBLIC")
    postgres.query(f"CREATE SCHEMA s AUTHORIZATION {service.user('blue')}", database=closed)
    converged("Delete", service.both | DROPPING, physical_id=created.physical_id)

    assert denied(service, "blue")
    (kept,) = [line for line in log_lines if "role kept" in line]
    assert service.user("blue") in kept
    assert closed in kept
    left = "SELECT rolname FROM pg_roles WHERE rolname LIKE %s"
    assert postgres.query(left, service.name + "%") == [(service.user("blue"),)]


GONE = ("database", "membership", "blue", "green", "owner")


HALF_WAY = [
    (policy, parts)
    for policy in ("Drop", "Retain")
    for number in range(len(GONE) + 1)
    for parts in combinations(GONE, number)
    # The owner can't be gone while the database is there; and Retain takes one step a role.
    if ("owner" not in parts or "database" in parts) and (policy == "Drop" or number < 2)
]


@one_version
@pytest.mark.parametrize(
    ("policy", "gone"), HALF_WAY, ids=["-".join((policy, *gone)) for policy, gone in HALF_WAY]
)
def test_a_delete_finishes_from_any_half_way_state(
    service: Service, postgres: PostgresServer, policy: str, gone: tuple[str, ...]
) -> None:
    service.convergence(service.both).create()
    blue = service.user("blue")
    remove = {
        "database": f"DROP DATABASE {service.name}",
        "membership": f"REVOKE {service.name}_owner FROM {blue}",
        "blue": f"DROP ROLE {blue}",
        "green": f"DROP ROLE {service.user('green')}",
        "owner": f"DROP ROLE {service.name}_owner",
    }
    for part in gone:
        postgres.query(remove[part])
    service.convergence(service.both | {"DeletionPolicy": policy}).delete()

    able = "SELECT 1 FROM pg_roles WHERE rolname LIKE %s AND (rolcanlogin OR %s)"
    assert not postgres.query(able, service.name + "%", policy == "Drop")
    left = postgres.query("SELECT 1 FROM pg_database WHERE datname = %s", service.name)
    assert bool(left) == (policy == "Retain" and "database" not in gone)


@one_version
def test_a_database_that_takes_long_to_drop_has_the_functions_time(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    from custom_resources.postgres import connection

    service.convergence(service.both).create()
    monkeypatch.setattr(connection, "_STATEMENT_MILLISECONDS", 150)
    holder = service.postgres.connect("rdsadmin", service.postgres.superuser_password, "postgres")
    with holder.cursor() as cursor:
        # Nobody may drop a database while its row in pg_database is locked.
        cursor.execute("BEGIN; LOCK TABLE pg_database IN SHARE MODE")
        threading.Timer(1.5, holder.close).start()
        began = time.monotonic()
        service.convergence(service.both | DROPPING).delete()
    assert time.monotonic() - began > 1


@pytest.mark.parametrize("physical_id", ["not-created:Database", "stack-Database-1ABC"])
def test_the_delete_of_what_was_never_created_succeeds_without_a_connection(
    converged: Send, service: Service, physical_id: str
) -> None:
    unreachable = service.blue | {"Host": "nowhere.invalid", "DeletionPolicy": "Drop"}

    converged("Delete", unreachable, physical_id=physical_id)


# --- Failures a user can act on ---


def test_a_host_that_is_not_there_is_named_and_its_rollback_succeeds(
    send: Send, converged: Send, service: Service
) -> None:
    unreachable = service.blue | {"Host": "nowhere.invalid"}
    refused = send("Create", unreachable)

    assert "There is no connection to PostgreSQL at nowhere.invalid" in refused.reason
    converged("Delete", unreachable, physical_id=refused.physical_id)


@one_version
def test_a_server_whose_certificate_is_not_amazons_is_refused(
    send: Send, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DATABASE_CA_BUNDLE")

    assert "certificate verify failed" in send("Create", service.blue).reason


@one_version
def test_the_admin_logs_in_with_the_password_before_the_newest(
    converged: Send, service: Service
) -> None:
    service.put_admin_password("not yet in the cluster")

    converged("Create", service.blue)


@one_version
def test_an_admin_that_cannot_log_in_is_named(send: Send, service: Service) -> None:
    service.put_admin_password("wrong")
    service.put_admin_password("wrong too")

    assert "The admin quayside can't log in to localhost" in send("Create", service.blue).reason


@one_version
@pytest.mark.parametrize("text", ["", "CANARY", "[]", '{"username": "CANARY"}', '{"username": 1}'])
def test_a_secret_of_another_form_is_named_but_not_quoted(
    send: Send, service: Service, aws: LocalAws, text: str
) -> None:
    arn = service.secret_arns["blue"]
    aws.client("secretsmanager").put_secret_value(SecretId=arn, SecretString=text or " ")

    refused = send("Create", service.blue)

    assert refused.reason.startswith(f"The secret {arn} is not a JSON object with username")
    assert "CANARY" not in refused.reason


@one_version
@pytest.mark.parametrize("username", ["quayside", "postgres", "rdsadmin", "pg_monitor", "a b"])
def test_a_username_that_is_someone_elses_is_refused(
    send: Send, service: Service, aws: LocalAws, username: str
) -> None:
    aws.client("secretsmanager").put_secret_value(
        SecretId=service.secret_arns["blue"],
        SecretString=json.dumps({"username": username, "password": "x"}),
    )

    refused = send("Create", service.blue)

    assert username in refused.reason
    assert refused.physical_id == "not-created:Database"


@one_version
def test_a_lock_that_someone_holds_is_reported_and_not_waited_for_for_ever(
    send: Send, service: Service, postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    from custom_resources.postgres import connection, locks

    monkeypatch.setattr(connection, "_STATEMENT_MILLISECONDS", 200)
    holder = postgres.connect("rdsadmin", postgres.superuser_password, "postgres")
    with locks.roles_locked(holder, service.name):
        refused = send("Create", service.blue)

    holder.close()
    assert f"changing the roles of database {service.name}" in refused.reason


# --- Many at once, and sudden death ---


def test_twenty_databases_at_once(
    aws: LocalAws, postgres: PostgresServer, name: str, stack_id: str
) -> None:
    services = [Service(aws, postgres, f"{name}_{n}", stack_id) for n in range(20)]
    together = threading.Barrier(len(services))

    def deploy(service: Service) -> None:
        work = service.convergence(service.both)
        together.wait()
        work.create()

    with ThreadPoolExecutor(len(services)) as pool:
        list(pool.map(deploy, services))
    assert not [service for service in services if denied(service, "green")]


def test_the_same_database_eight_times_at_once(service: Service) -> None:
    together = threading.Barrier(8)

    def deploy(_: int) -> None:
        work = service.convergence(service.both | {"Extensions": ["pgcrypto"]})
        together.wait()
        work.create()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(deploy, range(8)))
    assert not denied(service, "blue")


def killed_during(
    interruption: Interruption, work: Callable[[Callable[[str], Any]], None], aws: LocalAws
) -> bool:
    """Do work whose API calls and SQL statements an interruption may end."""

    class Cursor(psycopg2.extensions.cursor):  # type: ignore[misc] # psycopg2 has no types
        def execute(self, query: Any, values: Any = None) -> None:
            interruption.around(lambda: super(Cursor, self).execute(query, values))

    class Connection(psycopg2.extensions.connection):  # type: ignore[misc]
        def cursor(self, *arguments: Any, **options: Any) -> Any:
            return super().cursor(*arguments, **options, cursor_factory=Cursor)

    connect = psycopg2.connect
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(psycopg2, "connect", partial(connect, connection_factory=Connection))
        try:
            work(lambda name: InterruptedClient(client(aws, name), interruption))
        except Killed:
            return True
    return interruption.happened


@one_version
@pytest.mark.walk
def test_a_create_that_was_killed_anywhere_converges_when_repeated(
    aws: LocalAws, service: Service
) -> None:
    wanted = service.both | {"Extensions": ["pgcrypto"]}
    dropping = service.convergence(wanted | {"DeletionPolicy": "Drop"})
    points = 0
    for interruption in interruptions():
        died = killed_during(
            interruption, lambda clients: service.convergence(wanted, clients).create(), aws
        )
        if not died:
            break
        points += 1
        service.convergence(wanted).create()
        assert not denied(service, "blue")
        assert not denied(service, "green")
        dropping.delete()
    assert points > 60


@one_version
def test_an_update_that_was_killed_anywhere_converges_and_denies_nobody(
    aws: LocalAws, service: Service
) -> None:
    service.convergence(service.both).create()
    flipped = service.both | {"ActiveUser": "green"}
    points = 0
    for interruption in interruptions():
        died = killed_during(
            interruption, lambda clients: service.convergence(flipped, clients).update(), aws
        )
        if not died:
            break
        points += 1
        assert not denied(service, "blue")
        assert not denied(service, "green")
    assert points > 40


@one_version
@pytest.mark.walk
@pytest.mark.parametrize("policy", ["Retain", "Drop"])
def test_a_delete_that_was_killed_anywhere_converges_when_repeated(
    aws: LocalAws, service: Service, postgres: PostgresServer, policy: str
) -> None:
    deleting = service.both | {"DeletionPolicy": policy}
    for interruption in interruptions():
        service.convergence(service.both).create()
        died = killed_during(
            interruption, lambda clients: service.convergence(deleting, clients).delete(), aws
        )
        if not died:
            break
        service.convergence(deleting).delete()
        assert denied(service, "blue")
        assert denied(service, "green")
        left = postgres.query("SELECT 1 FROM pg_database WHERE datname = %s", service.name)
        assert bool(left) == (policy == "Retain")
