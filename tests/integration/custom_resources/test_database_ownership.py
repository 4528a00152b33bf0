"""Who owns what is in a service's database: looked at by a repair, and put right on a word."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from typing import Any

import psycopg2
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from psycopg2 import sql

from custom_resources.database import ownership
from custom_resources.database.findings import Findings
from local_aws.control import LocalAws
from tests.integration.custom_resources.postgres_servers import ADMIN, PostgresServer
from tests.integration.custom_resources.service import Service

one_version = pytest.mark.parametrize("postgres", [17], indirect=True, ids=["postgres17"])
GIVING: dict[str, object] = {"RepairOwnership": "true"}

# One object at least of every kind that can have another owner, whose names ask for quotes.
EVERYTHING = """
    CREATE SCHEMA {s};
    SET search_path = {s}, public;
    CREATE TABLE {n} (id int GENERATED ALWAYS AS IDENTITY, old serial, "from" text);
    CREATE TABLE parent (id int) PARTITION BY RANGE (id);
    CREATE TABLE child PARTITION OF parent FOR VALUES FROM (0) TO (9);
    CREATE INDEX ON {n} ("from");
    CREATE STATISTICS stats ON id, old FROM {n};
    CREATE SEQUENCE alone;
    CREATE VIEW seen AS SELECT * FROM {n};
    CREATE MATERIALIZED VIEW kept AS SELECT 1 AS one;
    CREATE TYPE mood AS ENUM ('fine');
    CREATE TYPE pair AS (a int, b {n});
    CREATE TYPE span AS RANGE (subtype = float8);
    CREATE DOMAIN positive AS int CHECK (value > 0);
    CREATE FUNCTION f(a {n}, VARIADIC b text[]) RETURNS int LANGUAGE sql AS 'SELECT 1';
    CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1';
    CREATE PROCEDURE p(INOUT a int) LANGUAGE sql AS 'SELECT 1';
    CREATE AGGREGATE total(int) (SFUNC = int4pl, STYPE = int);
    CREATE AGGREGATE nothing(*) (SFUNC = int8inc, STYPE = int8, INITCOND = '0');
    CREATE AGGREGATE middle(float8 ORDER BY float8)
        (SFUNC = float8pl, STYPE = float8, INITCOND = '0');
    CREATE OPERATOR === (LEFTARG = int, RIGHTARG = int, FUNCTION = int4eq);
    CREATE OPERATOR @@@ (RIGHTARG = int, FUNCTION = int4um);
    CREATE COLLATION dutch (LOCALE = 'C');
    CREATE CONVERSION latin FOR 'LATIN1' TO 'UTF8' FROM iso8859_1_to_utf8;
    CREATE TEXT SEARCH DICTIONARY words (TEMPLATE = simple);
    CREATE TEXT SEARCH CONFIGURATION language (COPY = simple);
    SELECT lo_create(0);
    ALTER DEFAULT PRIVILEGES IN SCHEMA {s} GRANT SELECT ON TABLES TO {guest} WITH GRANT OPTION;
    ALTER DEFAULT PRIVILEGES GRANT INSERT ON TABLES TO {guest};
    ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
"""
KINDS = {
    *("schema", "table", "sequence", "view", "materialized view", "type", "function", "procedure"),
    *("aggregate", "operator", "collation", "conversion", "text search dictionary"),
    *("text search configuration", "large object", "default acl", "statistics object"),
}
# What nobody but a superuser makes, and then gives away: owners change, classes don't.
SUPERUSERS = """
    CREATE OPERATOR CLASS {s}.turned FOR TYPE int USING btree AS OPERATOR 1 <;
    ALTER OPERATOR CLASS {s}.turned USING btree OWNER TO {admin};
    ALTER OPERATOR FAMILY {s}.turned USING btree OWNER TO {admin};
    CREATE PUBLICATION news FOR TABLE {s}.child;
    ALTER PUBLICATION news OWNER TO {admin};
    CREATE FOREIGN DATA WRAPPER wrapper;
    CREATE SERVER remote FOREIGN DATA WRAPPER wrapper;
    GRANT USAGE ON FOREIGN DATA WRAPPER wrapper TO {owner};
    ALTER SERVER remote OWNER TO {admin};
    CREATE FOREIGN TABLE {s}.far (id int) SERVER remote;
    ALTER FOREIGN TABLE {s}.far OWNER TO {admin};
"""
# Every row of every catalog with an owner, access rights or a membership, with the transaction that
# wrote it.
CATALOGS = (
    *("pg_namespace", "pg_class", "pg_proc", "pg_type", "pg_operator", "pg_opclass", "pg_opfamily"),
    *("pg_collation", "pg_conversion", "pg_ts_dict", "pg_ts_config", "pg_statistic_ext"),
    *("pg_largeobject_metadata", "pg_foreign_data_wrapper", "pg_foreign_server", "pg_publication"),
    *("pg_event_trigger", "pg_language", "pg_extension", "pg_default_acl", "pg_attribute"),
    *("pg_depend", "pg_init_privs"),
)
SHARED = (
    "SELECT d::text FROM pg_shdepend d WHERE dbid = (SELECT oid FROM pg_database"
    " WHERE datname = current_database())"
)


def seen(postgres: PostgresServer, database: str) -> dict[str, list[Any]]:
    """All that a database says about owners and rights."""
    rows = {
        name: postgres.query(
            f"SELECT xmin::text, ctid::text, t::text FROM {name} t ORDER BY 2", database=database
        )
        for name in CATALOGS
    }
    rows["shared"] = sorted(postgres.query(SHARED, database=database))
    rows["database"] = postgres.query(
        "SELECT datdba, datacl::text, xmin::text FROM pg_database WHERE datname = %s", database
    )
    return rows


def fill(
    postgres: PostgresServer, database: str, words: str, user: str, password: str, **names: str
) -> None:
    """Run statements as a user who has left the role that it was given."""
    identifiers = {key: sql.Identifier(name) for key, name in names.items()}
    with (
        closing(postgres.connect(user, password, database)) as connection,
        connection.cursor() as cursor,
    ):
        cursor.execute("SET ROLE NONE")
        cursor.execute(sql.SQL(words).format(**identifiers))


def others(postgres: PostgresServer, service: Service) -> list[str]:
    """What isn't the owner role's, by every catalog of the server that has an owner."""
    columns = postgres.query(
        "SELECT attrelid::regclass::text, attname FROM pg_attribute JOIN pg_class ON oid = attrelid"
        " WHERE relnamespace = 'pg_catalog'::regnamespace AND relkind = 'r' AND NOT relisshared"
        " AND attname ~ 'owner$|^defaclrole$'"
    )
    assert len(columns) > 15
    rows = " UNION ALL ".join(
        f"SELECT '{catalog}' AS catalog, it::text AS row, {column}::regrole::text AS owner"
        f" FROM {catalog} AS it"
        for catalog, column in columns
    )
    ours = f"{service.name}_owner"
    query = f"SELECT catalog, owner, row FROM ({rows}) AS r WHERE owner <> ALL (%s)"
    found = postgres.query(query, [ours, "pg_database_owner", "rdsadmin"], database=service.name)
    return [" ".join(row) for row in found]


@pytest.fixture
def guest(postgres: PostgresServer, name: str) -> str:
    role = f"{name} guest"
    postgres.query(f'CREATE ROLE "{role}"')
    return role


def repaired(service: Service, *properties: dict[str, object]) -> Findings:
    wanted = dict(service.both)
    for more in properties:
        wanted |= more
    return service.convergence(wanted).repair()


@contextmanager
def admin_as_superuser(postgres: PostgresServer) -> Iterator[None]:
    """The admin as rds_superuser would be, as to what needs a superuser elsewhere."""
    postgres.query(f"ALTER ROLE {ADMIN} SUPERUSER")
    try:
        yield
    finally:
        postgres.query(f"ALTER ROLE {ADMIN} NOSUPERUSER")


def fill_as_admin(postgres: PostgresServer, database: str, schema: str, guest: str) -> None:
    """As pg_restore does by the admin, who was let create schemas."""
    postgres.query(f"GRANT CREATE ON DATABASE {database} TO {ADMIN}")
    password = postgres.admin_password
    names = {"s": schema, "n": 'a "b" %s {} ü', "guest": guest}
    fill(postgres, database, EVERYTHING, ADMIN, password, **names)


def test_whatever_the_admin_filled_the_database_with_is_named_and_given_on_a_word(
    service: Service, postgres: PostgresServer, guest: str
) -> None:
    service.convergence(service.both).create()
    schema = 'Odd "one'
    fill_as_admin(postgres, service.name, schema, guest)
    owner = f"{service.name}_owner"
    names = {"s": schema, "admin": ADMIN, "owner": owner}
    super_password = postgres.superuser_password
    fill(postgres, service.name, SUPERUSERS, "rdsadmin", super_password, **names)
    with pytest.raises(psycopg2.errors.InsufficientPrivilege):
        service.run("blue", 'TABLE "Odd ""one".child')

    (left,) = repaired(service).left
    assert left.startswith(f"Not owned by {owner}: ")
    assert left.endswith("with -e ownership=SERVICE (docs/data.md).")
    for kind in KINDS:
        assert f" {kind} of {ADMIN}" in left
    assert len(others(postgres, service)) > 30, "the look changed nothing"

    findings = repaired(service, GIVING)
    assert findings.left == []
    assert others(postgres, service) == []
    service.run("blue", 'TABLE "Odd ""one".child')
    service.run("green", 'DROP SCHEMA "Odd ""one" CASCADE')
    assert repaired(service).left == []


def test_what_a_user_made_after_set_role_none_is_found_and_given(
    service: Service, postgres: PostgresServer
) -> None:
    service.convergence(service.both).create()
    mine = "GRANT CREATE ON SCHEMA public TO {user}"
    with closing(postgres.connect("rdsadmin", postgres.superuser_password, service.name)) as made:
        made.cursor().execute(sql.SQL(mine).format(user=sql.Identifier(service.user("blue"))))
    service.run("blue", "SET ROLE NONE; CREATE TABLE orders AS SELECT 1 AS id")
    with pytest.raises(psycopg2.errors.InsufficientPrivilege):
        service.run("green", "TABLE orders")

    members = "SELECT roleid, member, grantor FROM pg_auth_members ORDER BY 1, 2, 3"
    before = postgres.query(members)
    (left,) = repaired(service).left
    assert f"1 table of {service.user('blue')} (table public.orders)" in left
    findings = repaired(service, GIVING)
    assert findings.left == []
    assert f"{service.name}_owner was given 1 table of" in findings.right[-1]
    assert service.run("green", "TABLE orders") == [(1,)]
    assert postgres.query(members) == before, "the admin is no member of the user for it"


def test_the_databases_of_other_services_are_not_touched(
    service: Service, postgres: PostgresServer, aws: LocalAws, stack_id: str, guest: str
) -> None:
    """Three databases, in each of which the same roles own the same things."""
    services = [service, *(Service(aws, postgres, f"{service.name}{n}", stack_id) for n in (2, 3))]
    for each in services:
        each.convergence(each.both).create()
    blue = service.user("blue")
    for each in services:
        fill_as_admin(postgres, each.name, "s", guest)
        for owner in (blue, f"{service.name}_owner", services[1].user("blue")):
            made = f'CREATE TABLE public."of {owner}" (id int)'
            postgres.query(made, database=each.name)
            postgres.query(
                f'ALTER TABLE public."of {owner}" OWNER TO {owner}; SELECT lo_create(0)',
                database=each.name,
            )
    postgres.query(f"CREATE DATABASE {service.name}4 OWNER {ADMIN}")
    untouched = [f"{service.name}{n}" for n in (2, 3, 4)]
    before = {database: seen(postgres, database) for database in untouched}
    repaired(service)
    assert repaired(service, GIVING).left == []

    assert others(postgres, service) == []
    assert {database: seen(postgres, database) for database in untouched} == before
    assert sum(len(rows) for rows in before[untouched[0]].values()) > 3000


def test_default_privileges_become_the_owner_roles(
    service: Service, postgres: PostgresServer, guest: str
) -> None:
    service.convergence(service.both).create()
    fill_as_admin(postgres, service.name, "s", guest)
    repaired(service, GIVING)

    service.run(
        "blue",
        "CREATE TABLE s.t (id int); CREATE FUNCTION s.g() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    )
    may = (
        "SELECT has_table_privilege(%(g)s, 's.t', 'SELECT WITH GRANT OPTION'),"
        " has_table_privilege(%(g)s, 's.t', 'INSERT'),"
        " has_table_privilege(%(g)s, 's.t', 'INSERT WITH GRANT OPTION'),"
        " has_function_privilege(%(g)s, 's.g()', 'EXECUTE'),"
        " has_table_privilege('public', 's.t', 'SELECT')"
    ).replace("%(g)s", f"'{guest}'")
    assert postgres.query(may, database=service.name) == [(True, True, False, False, False)]


@one_version
def test_members_of_extensions_and_temporary_objects_are_left(
    service: Service, postgres: PostgresServer
) -> None:
    service.convergence(service.both).create()
    with admin_as_superuser(postgres):
        service.convergence(service.both | {"Extensions": ["postgres_fdw"]}).update()
    postgres.query("CREATE EXTENSION hstore", database=service.name)
    member = "SELECT proowner::regrole::text FROM pg_proc WHERE proname = 'hstore_in'"
    postgres.query(f"ALTER FUNCTION hstore_in(cstring) OWNER TO {ADMIN}", database=service.name)
    postgres.query(f"GRANT TEMPORARY ON DATABASE {service.name} TO {ADMIN}")
    with closing(postgres.connect(ADMIN, postgres.admin_password, service.name)) as session:
        session.cursor().execute("CREATE TEMPORARY TABLE passing (id int)")
        findings = repaired(service, GIVING)

    assert findings.left == []
    assert findings.right[-1] == f"All in the database belongs to {service.name}_owner."
    assert postgres.query(member, database=service.name) == [(ADMIN,)]


@one_version
def test_the_function_of_an_event_trigger_which_the_admin_runs_too_is_not_given(
    service: Service, postgres: PostgresServer
) -> None:
    service.convergence(service.both).create()
    made = (
        "CREATE FUNCTION public.{0}() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';"
        f" ALTER FUNCTION public.{{0}}() OWNER TO {ADMIN}"
    )
    for function in ("watching", "unused"):
        postgres.query(made.format(function), database=service.name)
    watch = "CREATE EVENT TRIGGER watch ON ddl_command_end EXECUTE FUNCTION public.watching()"
    postgres.query(watch, database=service.name)
    repaired(service, GIVING)

    owners = "SELECT proname::text, proowner::regrole::text FROM pg_proc WHERE proname = ANY (%s)"
    found = postgres.query(owners, ["watching", "unused"], database=service.name)
    assert dict(found) == {"watching": ADMIN, "unused": f"{service.name}_owner"}


@one_version
def test_a_table_in_use_is_waited_for_some_seconds_and_then_nothing_is_given(
    service: Service, postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ownership, "_LOCK_SECONDS", 1)
    service.convergence(service.both).create()
    postgres.query(f"GRANT CREATE ON DATABASE {service.name} TO {ADMIN}")
    words = "CREATE SCHEMA a; CREATE TABLE a.first (id int); CREATE TABLE a.second (id int)"
    fill(postgres, service.name, words, ADMIN, postgres.admin_password)
    before = others(postgres, service)
    with closing(postgres.connect("rdsadmin", postgres.superuser_password, service.name)) as user:
        user.cursor().execute("BEGIN; LOCK TABLE a.second IN ACCESS SHARE MODE")
        (left,) = repaired(service, GIVING).left

    assert left == (
        f"Nothing was given to {service.name}_owner (55P03: a session uses one of the objects). "
        "Repair again when less is going on."
    )
    assert others(postgres, service) == before
    assert repaired(service, GIVING).left == []


@one_version
def test_tables_in_use_one_after_the_other_are_waited_for_together_not_each(
    service: Service, postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each is free again just within the seconds for one; the first is locked for all of them."""
    monkeypatch.setattr(ownership, "_LOCK_SECONDS", 2)
    service.convergence(service.both).create()
    postgres.query(f"GRANT CREATE ON DATABASE {service.name} TO {ADMIN}")
    tables = [f"a.t{n}" for n in range(4)]
    words = "CREATE SCHEMA a; " + "; ".join(f"CREATE TABLE {table} (id int)" for table in tables)
    fill(postgres, service.name, words, ADMIN, postgres.admin_password)
    connect = partial(postgres.connect, "rdsadmin", postgres.superuser_password, service.name)
    waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = '{}'::regclass"

    def release(sessions: list[Any]) -> None:
        """Let each table go 1.5 seconds after it is waited for."""
        with closing(connect()) as watching, watching.cursor() as cursor:
            for table, session in zip(tables, sessions, strict=True):
                until = time.monotonic() + 10
                while time.monotonic() < until:
                    cursor.execute(waiting.format(table))
                    if cursor.fetchone()[0]:
                        break
                    time.sleep(0.05)
                time.sleep(1.5)
                session.close()

    sessions = [connect() for _ in tables]
    for table, session in zip(tables, sessions, strict=True):
        session.cursor().execute(f"BEGIN; LOCK TABLE {table} IN ACCESS SHARE MODE")
    releasing = threading.Thread(target=release, args=(sessions,), daemon=True)
    releasing.start()
    (left,) = repaired(service, GIVING).left
    for session in sessions:
        session.close()

    assert left.startswith(f"Nothing was given to {service.name}_owner (55P03: a session uses one")
    assert repaired(service, GIVING).left == []


@one_version
def test_what_the_admin_may_not_give_is_named_with_the_reason_and_the_rest_is_given(
    service: Service, postgres: PostgresServer
) -> None:
    service.convergence(service.both).create()
    strange = f"{service.name}_strange"
    postgres.query(f"CREATE ROLE {strange} SUPERUSER")
    for table, owner in (("theirs", strange), ("mine", ADMIN)):
        made = f"CREATE TABLE public.{table} (id int); ALTER TABLE public.{table} OWNER TO {owner}"
        postgres.query(made, database=service.name)
    findings = repaired(service, GIVING)

    (left,) = findings.left
    assert f"(table public.theirs: the admin may not act for {strange}: permission denied" in left
    assert f"1 table of {ADMIN} (table public.mine)" in findings.right[-1]


NAMES = st.text(
    st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=20
).filter(lambda name: len(name.encode()) < 64 and not name.startswith("pg_"))


@pytest.fixture
def made(service: Service) -> Service:
    service.convergence(service.both).create()
    service.postgres.query(f"GRANT CREATE ON DATABASE {service.name} TO {ADMIN}")
    return service


@one_version
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@example("select", 'a"."b', "; DROP TABLE x; --")
@example("{}", "%s%%", "$1")
@given(schema=NAMES, table=NAMES, kind=NAMES)
def test_names_may_be_anything(made: Service, schema: str, table: str, kind: str) -> None:
    postgres = made.postgres
    words = (
        "CREATE SCHEMA {s}; CREATE TABLE {s}.{t} (id int); CREATE TYPE {s}.{k} AS ENUM ({l});"
        " CREATE FUNCTION {s}.{t}({k} {s}.{k}) RETURNS int LANGUAGE sql AS 'SELECT 1'"
    )
    unique = f"{schema[:10]}{uuid.uuid4().hex[:6]}"
    kind = f"{kind[:10]}k"
    table = table if table != kind else f"{table[:10]}t"
    named = {"s": unique, "t": table, "k": kind}
    identifiers: dict[str, Any] = {key: sql.Identifier(name) for key, name in named.items()}
    with closing(postgres.connect(ADMIN, postgres.admin_password, made.name)) as connection:
        connection.cursor().execute(sql.SQL(words).format(**identifiers, l=sql.Literal("x")))
    findings = repaired(made, GIVING)

    assert findings.left == []
    assert "1 function of quayside" in findings.right[-1]
    assert others(postgres, made) == []
    assert findings.told(1).isascii()
