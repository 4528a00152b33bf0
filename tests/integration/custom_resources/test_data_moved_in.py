"""docs/data.md: PostgreSQL's own tools, with the options that the page gives."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import psycopg2
import pytest

from tests.integration.custom_resources.postgres_servers import (
    ADMIN,
    PostgresServer,
    bin_directory,
)
from tests.integration.custom_resources.service import Service

PAGE = (Path(__file__).parents[3] / "docs" / "data.md").read_text("utf-8")
# Of Debian's packages alone: the other ones here have the server and nothing else.
pytestmark = pytest.mark.parametrize("postgres", [15], indirect=True, ids=["postgres15"])
OLD = """
    CREATE SCHEMA app;
    CREATE EXTENSION hstore;
    CREATE EXTENSION pgcrypto SCHEMA app;
    CREATE TYPE app.mood AS ENUM ('fine');
    CREATE TABLE app.customers (id serial PRIMARY KEY, mood app.mood, more hstore);
    INSERT INTO app.customers (mood, more) VALUES ('fine', 'a=>1');
    CREATE VIEW app.happy AS SELECT * FROM app.customers;
    CREATE FUNCTION app.number() RETURNS bigint LANGUAGE sql
        AS 'SELECT count(*) FROM app.customers';
    SELECT lo_from_bytea(0, 'kept');
"""


def run(postgres: PostgresServer, tool: str, *arguments: str, password: str) -> str:
    """Run a client program of PostgreSQL; its complaints are the error."""
    path = bin_directory(postgres.major) / tool
    if not path.exists():
        pytest.skip(f"no {tool} here")
    environment = os.environ | {
        "PGPASSWORD": password,
        "PGSSLMODE": "verify-full",
        "PGSSLROOTCERT": str(postgres.certificate),
    }
    server = ["--host", postgres.host, "--port", str(postgres.port)]
    done = subprocess.run(
        [path, *server, *arguments], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def options(of: str) -> list[str]:
    """The options of the page's command for a user, other than where to and what."""
    blocks = re.findall(r"\$ pg_restore (.*?)orders\.dump", PAGE, re.DOTALL)
    (block,) = [it for it in blocks if f"--username={of}" in it]
    return [it for it in block.split() if not it.startswith(("--host", "--user", "--db", "\\"))]


@pytest.fixture
def dump(postgres: PostgresServer, name: str, tmp_path: Path) -> str:
    """A dump of a database that a role of its own filled, who is not there any more."""
    old, role = f"{name}_old", f"{name}_app"
    postgres.query(f"CREATE ROLE {role} LOGIN SUPERUSER PASSWORD 'x'")
    postgres.query(f"CREATE DATABASE {old} OWNER {role}")
    postgres.query_as(role, "x", old, OLD)
    postgres.query(f"GRANT SELECT ON app.customers TO {role}", database=old)
    path = str(tmp_path / "orders.dump")
    run(postgres, "pg_dump", "--format=custom", f"--file={path}", f"--username={role}", old,
        password="x")  # fmt: skip
    postgres.query(f"DROP DATABASE {old}")
    postgres.query(f"DROP ROLE {role}")
    return path


def check_that_both_users_work_with_it(service: Service) -> None:
    for colour in ("blue", "green"):
        assert service.run(colour, "SELECT app.number()") == [(1,)]
        service.run(colour, "INSERT INTO app.customers (mood) VALUES ('fine')")
        service.run(colour, "DELETE FROM app.customers WHERE more IS NULL")
        service.run(colour, f"ALTER TABLE app.customers ADD COLUMN of_{colour} text")
    content = "SELECT lo_get(oid) FROM pg_largeobject_metadata"
    assert bytes(service.run("green", content)[0][0]) == b"kept"


@pytest.mark.parametrize("colour", ["blue", "green"])
def test_a_dump_restored_by_a_user_as_the_page_says_is_the_services(
    service: Service, postgres: PostgresServer, dump: str, colour: str
) -> None:
    service.convergence(service.both).create()
    where = [f"--username={service.user(colour)}", f"--dbname={service.name}", dump]
    password = service.passwords[colour]
    run(postgres, "pg_restore", *options("orders_blue"), *where, password=password)

    check_that_both_users_work_with_it(service)
    assert service.convergence(service.both).repair().left == []


def test_a_dump_restored_by_the_admin_as_the_page_says_is_the_services(
    service: Service, postgres: PostgresServer, dump: str
) -> None:
    service.convergence(service.both).create()
    given = [it.replace("orders_owner", f"{service.name}_owner") for it in options("quayside")]
    assert f"--role={service.name}_owner" in given
    where = [f"--username={ADMIN}", f"--dbname={service.name}", dump]
    run(postgres, "pg_restore", *given, *where, password=postgres.admin_password)

    check_that_both_users_work_with_it(service)
    assert service.convergence(service.both).repair().left == []


def test_a_dump_that_the_admin_restored_without_the_role_is_put_right_by_a_repair(
    service: Service, postgres: PostgresServer, dump: str
) -> None:
    service.convergence(service.both).create()
    given = [it for it in options("quayside") if not it.startswith("--role")]
    where = [f"--username={ADMIN}", f"--dbname={service.name}", dump]
    run(postgres, "pg_restore", *given, *where, password=postgres.admin_password)
    with pytest.raises(psycopg2.errors.InsufficientPrivilege):
        service.run("blue", "TABLE app.customers")

    (left,) = service.convergence(service.both).repair().left
    assert "1 table of quayside" in left
    giving = service.convergence(service.both | {"RepairOwnership": "true"}).repair()
    assert giving.left == []
    check_that_both_users_work_with_it(service)
