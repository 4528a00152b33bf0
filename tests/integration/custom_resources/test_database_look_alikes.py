"""A service's look-alikes of the catalogs' views and functions: never used by the admin.

Each look-alike answers as the one that it looks like, and writes down, in the service's own
database, who used it.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing

import pytest

from local_aws.control import LocalAws
from tests.integration.custom_resources.postgres_servers import ADMIN, PostgresServer
from tests.integration.custom_resources.service import Service

one_version = pytest.mark.parametrize("postgres", [17], indirect=True, ids=["postgres17"])
LOOK_ALIKES = """
    CREATE SCHEMA alike;
    CREATE TABLE alike.uses (what text, who text);
    CREATE FUNCTION alike.used(what text) RETURNS boolean LANGUAGE plpgsql
        SET search_path = pg_catalog
        AS 'BEGIN INSERT INTO alike.uses VALUES (what, current_user); RETURN true; END';
    GRANT USAGE ON SCHEMA alike TO PUBLIC;
    GRANT ALL ON alike.uses TO PUBLIC;
    DO $do$
    DECLARE it record;
    BEGIN
        FOR it IN SELECT relname FROM pg_class WHERE relnamespace = 'pg_catalog'::regnamespace
            AND relkind IN ('r', 'v') AND has_table_privilege(oid, 'SELECT')
            AND NOT EXISTS (SELECT FROM pg_attribute
                WHERE attrelid = pg_class.oid AND atttypid = 'anyarray'::regtype)
        LOOP
            EXECUTE format('CREATE VIEW alike.%I AS SELECT * FROM pg_catalog.%I'
                ' WHERE alike.used(%L)', it.relname, it.relname, it.relname);
            EXECUTE format('GRANT SELECT ON alike.%I TO PUBLIC', it.relname);
        END LOOP;
        FOR it IN SELECT proname, pg_get_function_identity_arguments(oid) AS arguments,
                prorettype::regtype AS returned,
                (SELECT coalesce(string_agg('$' || n, ', ' ORDER BY n), '')
                    FROM generate_series(1, pronargs) AS n) AS given
            FROM pg_proc WHERE pronamespace = 'pg_catalog'::regnamespace AND NOT proretset
                AND proname ~ '^(has_|pg_has_role|pg_get_userbyid|shobj_|current_database|strpos)'
        LOOP
            EXECUTE format('CREATE FUNCTION alike.%I(%s) RETURNS %s LANGUAGE plpgsql AS '
                '$f$BEGIN PERFORM alike.used(%L); RETURN pg_catalog.%I(%s); END$f$',
                it.proname, it.arguments, it.returned, it.proname, it.proname, it.given);
        END LOOP;
    END $do$;
    CREATE FUNCTION public.has_schema_privilege(text, oid, text) RETURNS boolean LANGUAGE plpgsql
        AS $f$BEGIN PERFORM alike.used('better match'); RETURN true; END$f$;
"""
OPERATIONS: dict[str, tuple[dict[str, object], Callable[[Service, dict[str, object]], object]]] = {
    "create": ({}, lambda service, wanted: service.convergence(wanted).create()),
    "update": ({}, lambda service, wanted: service.convergence(wanted).update()),
    "repair": ({}, lambda service, wanted: service.convergence(wanted).repair()),
    "repair with ownership": (
        {"RepairOwnership": "true"},
        lambda service, wanted: service.convergence(wanted).repair(),
    ),
    "delete": ({}, lambda service, wanted: service.convergence(wanted).delete()),
    "delete with the data": (
        {"DeletionPolicy": "Drop"},
        lambda service, wanted: service.convergence(wanted).delete(),
    ),
}


def as_owner(service: Service, *settings: str) -> None:
    """Set settings for whoever connects to the database, as its owner may."""
    service.run(
        "blue", "; ".join(f"ALTER DATABASE {service.name} SET {setting}" for setting in settings)
    )


def uses(postgres: PostgresServer, service: Service) -> list[tuple[object, ...]]:
    query = "SELECT DISTINCT what, who FROM alike.uses ORDER BY 1, 2"
    with (
        closing(
            postgres.connect("rdsadmin", postgres.superuser_password, service.name)
        ) as connection,
        connection.cursor() as cursor,
    ):
        cursor.execute("SET search_path = pg_catalog")
        cursor.execute(query)
        return list(cursor.fetchall())


@pytest.fixture
def other(aws: LocalAws, service: Service, new_stack: Callable[[], str]) -> Service:
    return Service(aws, service.postgres, f"{service.name}b", new_stack())


@one_version
@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("path", ["alike, pg_catalog, public", "public, alike"])
def test_a_look_alike_of_a_service_is_never_used(
    service: Service, other: Service, operation: str, path: str
) -> None:
    postgres = service.postgres
    for each in (service, other):
        each.convergence(each.both).create()
    service.run("blue", LOOK_ALIKES)
    # The roles of the other service have something here, which its deletion looks after.
    theirs = f"CREATE TABLE theirs (); ALTER TABLE theirs OWNER TO {other.name}_owner"
    postgres.query(theirs, database=service.name)
    as_owner(service, f"search_path = {path}")
    more, run = OPERATIONS[operation]
    if "delete" in operation:
        run(other, other.both | more)
    else:
        run(service, service.both | more | {"Extensions": ["citext", "hstore"]})

    assert uses(postgres, service) == []
    service.run("blue", "SELECT 1 FROM alike.pg_class LIMIT 1")
    assert uses(postgres, service) != [], "a look-alike writes down who uses it"


@one_version
def test_a_function_of_a_deleted_service_is_not_run_as_the_admin(
    service: Service, other: Service
) -> None:
    """It runs as its owner, who is the owner of the database that it is in from then on."""
    postgres = service.postgres
    for each in (service, other):
        each.convergence(each.both).create()
    owner = f"{other.name}_owner"
    postgres.query(
        "CREATE FUNCTION public.who() RETURNS text LANGUAGE sql SECURITY DEFINER"
        f" AS 'SELECT current_user::text'; ALTER FUNCTION public.who() OWNER TO {owner}",
        database=service.name,
    )
    postgres.query(f"CREATE DATABASE {other.name}_more OWNER {owner}")
    other.convergence(other.both | {"DeletionPolicy": "Drop"}).delete()

    assert service.run("blue", "SELECT public.who()") == [(f"{service.name}_owner",)]
    whose = "SELECT pg_get_userbyid(datdba)::text FROM pg_database WHERE datname = %s"
    assert postgres.query(whose, f"{other.name}_more") == [(ADMIN,)]


@one_version
def test_the_settings_of_a_database_do_not_change_what_the_admin_does(
    service: Service, postgres: PostgresServer
) -> None:
    service.convergence(service.both).create()
    as_owner(
        service,
        f"role = {service.name}_owner",
        "client_encoding = 'SJIS'",
        "standard_conforming_strings = off",
        "search_path = ''",
    )
    postgres.query(f"ALTER ROLE {ADMIN} SUPERUSER")
    try:
        wanted = service.both | {"Extensions": ["bloom", "citext"]}
        assert service.convergence(wanted).repair().left == []
    finally:
        postgres.query(f"ALTER ROLE {ADMIN} NOSUPERUSER")
    made = (
        "SELECT pg_get_userbyid(extowner)::text, extnamespace::regnamespace::text"
        " FROM pg_extension WHERE extname IN ('bloom', 'citext') ORDER BY extname"
    )
    assert service.run("blue", made) == [(ADMIN, "public"), (f"{service.name}_owner", "public")]
