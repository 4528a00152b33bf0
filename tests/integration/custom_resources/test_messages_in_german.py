"""A server whose messages aren't English: what is refused is told by trying, not by the text."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg2
import pytest

from custom_resources.postgres.connection import (
    LoginDenied,
    NoConnectionError,
    Server,
    failure,
    is_passing,
)
from local_aws.control import LocalAws
from tests.integration.custom_resources.postgres_servers import (
    ADMIN,
    NoServerError,
    PostgresServer,
    running_server,
)
from tests.integration.custom_resources.service import Service, new_password

_LOCALE = "de_DE.UTF-8"


@pytest.fixture(scope="module")
def locales() -> Iterator[Path]:
    """Debian's package brings the translations, and the tools to compile the locale."""
    if not Path("/usr/share/locale/de/LC_MESSAGES/postgres-15.mo").exists():
        pytest.skip("no PostgreSQL 15 with German messages here: apt-get install postgresql-15")
    if not shutil.which("localedef") or not Path("/usr/share/i18n/locales/de_DE").exists():
        pytest.skip("no German locale can be made here: apt-get install locales")
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)  # the server runs as nobody
        command = ["localedef", "-i", "de_DE", "-f", "UTF-8", f"{folder}/{_LOCALE}"]
        subprocess.run(command, check=True, capture_output=True)
        yield Path(folder)


@pytest.fixture(scope="module")
def german(locales: Path) -> Iterator[PostgresServer]:
    settings, environment = {"lc_messages": _LOCALE}, {"LOCPATH": str(locales)}
    try:
        with (
            running_server(15, settings, environment) as server,
            pytest.MonkeyPatch.context() as patch,
        ):
            patch.setenv("DATABASE_CA_BUNDLE", str(server.certificate))
            yield server
    except NoServerError as reason:
        pytest.skip(str(reason))


def connect(server: PostgresServer, user: str, password: str, database: str = "postgres") -> None:
    with Server(server.host, server.port).connect(database, user, password):
        pass


def refusal(server: PostgresServer, user: str, database: str = "postgres") -> NoConnectionError:
    with pytest.raises(NoConnectionError) as refused:
        connect(server, user, "secret", database)
    return refused.value


@pytest.fixture
def user(german: PostgresServer, name: str) -> str:
    german.query(f"CREATE ROLE {name} LOGIN PASSWORD 'secret'")
    return name


def test_the_server_does_speak_german(german: PostgresServer) -> None:
    with pytest.raises(psycopg2.OperationalError, match="Passwort-Authentifizierung"):
        german.query_as(ADMIN, "wrong", "postgres", "SELECT 1")


@pytest.mark.parametrize("who", [ADMIN, "rdsadmin", "absent"])
def test_a_wrong_password_is_a_denied_login(german: PostgresServer, who: str) -> None:
    with pytest.raises(LoginDenied):
        connect(german, who, "wrong")


def test_a_role_without_login_is_denied_its_right_password(
    german: PostgresServer, user: str
) -> None:
    german.query(f"ALTER ROLE {user} NOLOGIN")

    with pytest.raises(LoginDenied):
        connect(german, user, "secret")


def test_a_database_that_is_not_there_is_no_denied_login_and_does_not_pass(
    german: PostgresServer, user: str
) -> None:
    refused = refusal(german, user, "absent")

    assert (refused.sqlstate, is_passing(refused)) == ("3D000", False)
    said = str(failure(refused, Server(german.host, german.port)))
    assert said.startswith("PostgreSQL on localhost refused the connection with 3D000: ")
    assert "existiert nicht" in said


def test_a_database_that_is_forbidden_does_not_pass(
    german: PostgresServer, user: str, name: str
) -> None:
    german.query(f"CREATE DATABASE {name}_d")
    german.query(f"REVOKE CONNECT ON DATABASE {name}_d FROM PUBLIC")
    refused = refusal(german, user, f"{name}_d")

    assert (refused.sqlstate, is_passing(refused)) == ("42501", False)


def test_too_many_connections_pass(german: PostgresServer, user: str) -> None:
    german.query(f"ALTER ROLE {user} CONNECTION LIMIT 0")
    refused = refusal(german, user)

    assert (refused.sqlstate, is_passing(refused)) == ("53300", True)


def test_custom_database_resets_a_user_for_whom_no_stage_works(
    german: PostgresServer, aws: LocalAws, name: str, stack_id: str
) -> None:
    service = Service(aws, german, name, stack_id)
    service.convergence(service.both).create()
    service.set_in_database("green", new_password())
    service.convergence(service.both).update()

    assert service.run("green", "SELECT 1") == [(1,)]


def test_the_admin_logs_in_with_the_password_before_the_newest(
    german: PostgresServer, aws: LocalAws, name: str, stack_id: str
) -> None:
    service = Service(aws, german, name, stack_id)
    service.put_admin_password("not yet in the cluster")
    service.convergence(service.both).create()

    assert service.run("blue", "SELECT 1") == [(1,)]
