"""A user that was given more than its service's database loses its login all the same."""

from __future__ import annotations

from contextlib import closing

import psycopg2
import pytest

from tests.integration.custom_resources.postgres_servers import ADMIN, PostgresServer
from tests.integration.custom_resources.service import Service

# What a person may have given to a user, or made as one: {u} is the user, {n} its service's name.
BY_THE_SERVER = """
    CREATE ROLE {n}_team;
    CREATE ROLE {n}_guest;
    GRANT {n}_team, pg_read_all_data TO {u} WITH ADMIN OPTION;
    GRANT {u} TO {n}_guest WITH ADMIN OPTION;
    GRANT {n}_owner TO {n}_guest;
    GRANT CONNECT, CREATE ON DATABASE {n}_theirs TO {u} WITH GRANT OPTION;
    ALTER ROLE {u} SET work_mem = '8MB';
    ALTER ROLE {u} IN DATABASE {n}_theirs SET search_path = app;
    ALTER ROLE {u} CREATEDB CREATEROLE CONNECTION LIMIT 3;
    CREATE DATABASE {n}_mine OWNER {u};
"""
IN_ANOTHER_DATABASE = """
    CREATE SCHEMA app AUTHORIZATION {u};
    CREATE TABLE app.kept AS SELECT 1 AS id;
    ALTER TABLE app.kept OWNER TO {u};
    CREATE TABLE others (id int);
    ALTER TABLE others OWNER TO {admin};
    GRANT ALL ON others TO {u} WITH GRANT OPTION;
    ALTER TABLE others ENABLE ROW LEVEL SECURITY;
    CREATE POLICY seen ON others TO {u} USING (true);
    ALTER DEFAULT PRIVILEGES FOR ROLE {u} GRANT SELECT ON TABLES TO {n}_team;
    ALTER DEFAULT PRIVILEGES FOR ROLE {n}_team GRANT SELECT ON TABLES TO {u};
    CREATE FUNCTION app.f() RETURNS int LANGUAGE sql AS 'SELECT 1';
    ALTER FUNCTION app.f() OWNER TO {u};
    SELECT lo_create(4711);
    ALTER LARGE OBJECT 4711 OWNER TO {u};
"""
# What the admin may not take back: a superuser gave it, or PostgreSQL asks for more.
BY_A_SUPERUSER = """
    GRANT SET ON PARAMETER log_min_duration_statement TO {u} WITH GRANT OPTION;
    CREATE FOREIGN DATA WRAPPER wrapper;
    GRANT USAGE ON FOREIGN DATA WRAPPER wrapper TO {u};
    CREATE SERVER server FOREIGN DATA WRAPPER wrapper;
    ALTER SERVER server OWNER TO {u};
    CREATE USER MAPPING FOR {u} SERVER server;
"""
AS_THE_USER = """
    SET ROLE NONE;
    GRANT {n}_team TO {n}_guest;
    GRANT SELECT ON public.others TO {n}_guest;
    GRANT CONNECT ON DATABASE {n}_theirs TO {n}_guest;
    CREATE TABLE app.made AS SELECT 2 AS id;
    CREATE ROLE {n}_child;
"""


@pytest.mark.parametrize("policy", ["Retain", "Drop"])
@pytest.mark.parametrize("superusers", [False, True], ids=["", "by a superuser"])
def test_a_user_that_was_given_everything_loses_its_login_and_nobody_loses_data(
    service: Service, postgres: PostgresServer, policy: str, superusers: bool
) -> None:
    service.convergence(service.both).create()
    name, user = service.name, service.user("blue")
    names = {"n": name, "u": user, "admin": ADMIN}
    postgres.query(f"CREATE DATABASE {name}_theirs OWNER {ADMIN}")
    for statement in filter(str.strip, BY_THE_SERVER.format(**names).split(";")):
        postgres.query(statement)
    postgres.query(IN_ANOTHER_DATABASE.format(**names), database=f"{name}_theirs")
    postgres.query_as(
        user, service.passwords["blue"], f"{name}_theirs", AS_THE_USER.format(**names)
    )
    if superusers:
        postgres.query(BY_A_SUPERUSER.format(**names), database=f"{name}_theirs")
    sessions = [
        postgres.connect(user, service.passwords["blue"], database)
        for database in ("postgres", f"{name}_theirs", f"{name}_mine")
    ]
    deleting = service.convergence(service.both | {"DeletionPolicy": policy})
    deleting.delete()
    deleting.delete()

    for colour in ("blue", "green"):
        with pytest.raises(psycopg2.OperationalError):
            service.run(colour, "SELECT 1")
    for session in sessions:
        with closing(session), pytest.raises(psycopg2.OperationalError):
            session.cursor().execute("SELECT 1")
    able = "SELECT rolname FROM pg_roles WHERE rolname LIKE %s AND rolcanlogin"
    assert postgres.query(able, f"{name}%") == []
    found = "SELECT id FROM app.kept UNION ALL SELECT id FROM app.made ORDER BY 1"
    assert postgres.query(found, database=f"{name}_theirs") == [(1,), (2,)]
    assert postgres.query("SELECT 1", database=f"{name}_mine") == [(1,)]
    left = [row[0] for row in postgres.query("SELECT rolname FROM pg_roles WHERE rolname LIKE %s",
                                             f"{name}\\_%")]  # fmt: skip
    gone = {user, service.user("green"), f"{name}_owner"} if policy == "Drop" else set()
    gone -= {user} if superusers else set()
    everyone = {user, service.user("green")} | {
        f"{name}_{role}" for role in ("owner", "team", "guest", "child")
    }
    assert set(left) == everyone - gone
