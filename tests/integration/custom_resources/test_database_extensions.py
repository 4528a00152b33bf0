"""Extensions of Custom::Database: whose they are, and what an engine upgrade leaves behind."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from custom_resources.database import releases
from custom_resources.shared.failure import Failure
from tests.integration.custom_resources.postgres_servers import ADMIN, PostgresServer
from tests.integration.custom_resources.service import Service

OWNER = "SELECT pg_get_userbyid(extowner) FROM pg_extension WHERE extname = %s"
VERSION = "SELECT extversion FROM pg_extension WHERE extname = %s"
one_version = pytest.mark.parametrize("postgres", [17], indirect=True, ids=["postgres17"])


def having(service: Service, *extensions: str) -> dict[str, object]:
    return service.both | {"Extensions": list(extensions)}


@pytest.fixture
def like_rds(postgres: PostgresServer) -> Iterator[None]:
    """The admin makes untrusted extensions, as a member of rds_superuser does."""
    postgres.query(f"ALTER ROLE {ADMIN} SUPERUSER")
    yield
    postgres.query(f"ALTER ROLE {ADMIN} NOSUPERUSER")


@pytest.mark.usefixtures("like_rds")
@pytest.mark.parametrize(
    "asked", [("earthdistance",), ("earthdistance", "cube"), ("cube", "earthdistance")]
)
def test_an_extension_comes_with_what_it_requires_in_any_order(
    service: Service, postgres: PostgresServer, asked: tuple[str, ...]
) -> None:
    service.convergence(having(service, *asked)).create()
    service.convergence(having(service, *asked)).update()

    near = "SELECT earth_distance(ll_to_earth(52, 13), ll_to_earth(52, 13)) = 0"
    assert service.run("blue", near) == service.run("green", near) == [(True,)]
    # The trusted one is the service's, though an untrusted one requires it.
    assert postgres.query(OWNER, "cube", database=service.name) == [(f"{service.name}_owner",)]
    assert postgres.query(OWNER, "earthdistance", database=service.name) == [(ADMIN,)]


@pytest.mark.usefixtures("like_rds")
def test_a_service_uses_the_wrapper_that_the_admin_made_for_it(
    service: Service, postgres: PostgresServer
) -> None:
    service.convergence(having(service, "postgres_fdw")).create()
    service.run("blue", "CREATE TABLE near AS SELECT 7 AS id")
    service.run(
        "blue",
        f"""
        CREATE SERVER loop FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host 'localhost',
            port '{postgres.port}', dbname '{service.name}', sslmode 'require');
        CREATE USER MAPPING FOR {service.name}_owner SERVER loop OPTIONS (
            user '{service.user("green")}', password '{service.passwords["green"]}');
        CREATE FOREIGN TABLE far (id int) SERVER loop OPTIONS (table_name 'near')
        """,
    )
    assert service.run("green", "TABLE far") == [(7,)]


@one_version
@pytest.mark.usefixtures("like_rds")
def test_the_schema_of_an_extension_is_opened_to_the_service(
    service: Service, postgres: PostgresServer
) -> None:
    service.convergence(service.both).create()
    made = "CREATE SCHEMA apart; CREATE EXTENSION bloom SCHEMA apart; CREATE EXTENSION tablefunc"
    postgres.query(made + " SCHEMA apart", database=service.name)
    service.convergence(having(service, "bloom", "tablefunc")).update()

    assert service.run("blue", "SELECT count(*) FROM apart.normal_rand(3, 0, 1)") == [(3,)]


@one_version
def test_what_the_admin_may_not_open_is_told_by_a_repair_and_holds_nothing_up(
    service: Service, postgres: PostgresServer
) -> None:
    service.convergence(service.both).create()
    postgres.query("CREATE EXTENSION postgres_fdw", database=service.name)
    wanted = service.convergence(having(service, "postgres_fdw"))
    wanted.update()

    assert wanted.repair().left == [
        f"{service.name}_owner may not use the FOREIGN DATA WRAPPER postgres_fdw of the extension "
        "postgres_fdw, and the admin may not grant it: see the documentation of the extension."
    ]


@one_version
@pytest.mark.usefixtures("like_rds")
def test_a_wrapper_that_reads_the_servers_files_is_made_but_not_granted(
    service: Service, postgres: PostgresServer
) -> None:
    wanted = service.convergence(having(service, "file_fdw", "postgres_fdw", "dblink"))
    wanted.create()
    findings = wanted.repair()

    granted = (
        "SELECT fdwname FROM pg_foreign_data_wrapper"
        f" WHERE has_foreign_data_wrapper_privilege('{service.name}_owner', oid, 'USAGE')"
        " ORDER BY 1"
    )
    made = postgres.query(granted, database=service.name)
    assert made == [("dblink_fdw",), ("postgres_fdw",)]
    assert findings.left == []
    said = [line for line in findings.right if "file_fdw" in line]
    assert said == [
        f"{service.name}_owner may not use the FOREIGN DATA WRAPPER file_fdw of the extension "
        "file_fdw, which acts beyond the database: only a person grants that (docs/data.md)."
    ]


@one_version
@pytest.mark.usefixtures("like_rds")
@pytest.mark.parametrize(
    ("extension", "opened"),
    [
        *((name, False) for name in ("pg_cron", "aws_s3", "aws_lambda", "aws_ml", "pg_tle")),
        *((name, True) for name in ("aws_commons", "pg_partman", "bloom")),
    ],
)
def test_the_schema_of_what_acts_beyond_the_database_stays_closed(
    service: Service, postgres: PostgresServer, extension: str, opened: bool
) -> None:
    """Extensions of AWS aren't to be had here: another one goes by their name."""
    service.convergence(service.both).create()
    postgres.query(
        "CREATE SCHEMA apart; CREATE EXTENSION bloom SCHEMA apart", database=service.name
    )
    renamed = "UPDATE pg_extension SET extname = %s WHERE extname = 'bloom'"
    postgres.query(renamed, extension, database=service.name)
    wanted = service.convergence(having(service, extension))
    wanted.update()

    owner = f"{service.name}_owner"
    usage = "SELECT has_schema_privilege(%s, 'apart', 'USAGE')"
    assert postgres.query(usage, owner, database=service.name) == [(opened,)]
    findings = wanted.repair()
    assert findings.left == []
    assert any("SCHEMA apart" in line for line in findings.right) is not opened


def test_a_trusted_extension_is_its_services_to_update_comment_and_drop(
    service: Service, postgres: PostgresServer
) -> None:
    service.convergence(having(service, "pg_trgm", "citext")).create()

    assert postgres.query(OWNER, "pg_trgm", database=service.name) == [(f"{service.name}_owner",)]
    service.run("blue", "COMMENT ON EXTENSION citext IS 'ours'")
    service.run("green", "ALTER EXTENSION citext UPDATE")
    service.run("blue", "DROP EXTENSION citext")


def test_an_update_updates_what_an_engine_upgrade_left_behind(
    service: Service, postgres: PostgresServer
) -> None:
    service.convergence(service.both).create()
    newest = "SELECT default_version FROM pg_available_extensions WHERE name = 'pg_trgm'"
    service.run("blue", "CREATE EXTENSION pg_trgm VERSION '1.3'")
    service.run("blue", "CREATE EXTENSION hstore VERSION '1.4'")
    service.convergence(having(service, "pg_trgm")).update()

    assert postgres.query(VERSION, "pg_trgm", database=service.name) == postgres.query(newest)
    # One that the service made by itself, and didn't ask for here, is its own.
    assert postgres.query(VERSION, "hstore", database=service.name) == [("1.4",)]


@one_version
def test_one_that_the_admin_owns_from_before_stays_its_own_and_is_updated(
    service: Service, postgres: PostgresServer
) -> None:
    service.convergence(service.both).create()
    made = "SET ROLE quayside; CREATE EXTENSION pg_trgm VERSION '1.3'"
    postgres.query(f"GRANT CREATE ON DATABASE {service.name} TO quayside")
    postgres.query("GRANT CREATE ON SCHEMA public TO quayside", database=service.name)
    postgres.query(made, database=service.name)
    service.convergence(having(service, "pg_trgm")).update()

    assert postgres.query(OWNER, "pg_trgm", database=service.name) == [("quayside",)]
    assert postgres.query(VERSION, "pg_trgm", database=service.name) == [("1.6",)]


@one_version
def test_one_that_the_admin_may_not_update_is_named_and_holds_nothing_up(
    service: Service, postgres: PostgresServer, log_lines: list[str]
) -> None:
    service.convergence(service.both).create()
    postgres.query("CREATE EXTENSION pageinspect VERSION '1.11'", database=service.name)
    service.convergence(having(service, "pageinspect", "pg_trgm")).update()

    assert postgres.query(VERSION, "pageinspect", database=service.name) == [("1.11",)]
    assert postgres.query(OWNER, "pg_trgm", database=service.name) == [(f"{service.name}_owner",)]
    (warned,) = [line for line in log_lines if "extension not updated" in line]
    assert "must be owner of extension pageinspect" in warned


@one_version
def test_a_release_that_forgets_the_default_role_is_refused_before_anything_is_made(
    service: Service, postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(releases, "_FIRST_MINORS", {17: 99})
    with pytest.raises(Failure, match=r"Upgrade it to 17\.99 or later"):
        service.convergence(service.both).create()

    assert not postgres.query("SELECT 1 FROM pg_roles WHERE rolname LIKE %s", service.name + "%")


@one_version
def test_a_type_of_a_dump_that_is_in_the_way_is_named_within_seconds(
    service: Service, postgres: PostgresServer
) -> None:
    service.convergence(service.both).create()
    service.run("blue", "CREATE TYPE citext AS ENUM ('left', 'by a dump')")
    began = time.monotonic()
    with pytest.raises(Failure, match='refused with 42710: type "citext" already exists'):
        service.convergence(having(service, "citext"), seconds=200).update()

    assert time.monotonic() - began < 30  # eight attempts, with pauses of at most 18 seconds
    service.run("blue", "DROP TYPE citext")
    service.convergence(having(service, "citext")).update()
