"""A rotation that is interrupted anywhere, and done again, converges; nobody is denied."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from contextlib import closing
from functools import partial
from typing import Any

import psycopg2
import pytest
from botocore.exceptions import ConnectionClosedError

from custom_resources.postgres import connection as postgres_connection
from custom_resources.rotation.rotate.function import NotRotatedError
from tests.integration.custom_resources.rotation.world import RotatedService
from tests.integration.custom_resources.support import (
    InterruptedClient,
    Interruption,
    interruptions,
)

SERVICES = ("secretsmanager", "cloudformation", "ecs")
# A rotation that is not interrupted makes more calls than this to AWS and to PostgreSQL, and each
# has a moment before it and one after it.
FEWEST_POINTS = 100


class BrokenError(Exception):
    """The connection broke right before or right after a call."""


class Breaking(Interruption):
    """Breaks the connection."""

    def _kill(self) -> None:
        self.happened = True
        raise BrokenError


class Killing(Interruption):
    """Kills the process."""

    def _kill(self) -> None:
        os.kill(os.getpid(), signal.SIGKILL)


class BreakingClient(InterruptedClient):
    """Says that the connection broke as boto3 does."""

    def __getattr__(self, name: str) -> Any:
        called = super().__getattr__(name)
        return called if name == "get_paginator" else partial(_as_boto3, called)


def breaking(clients: dict[str, Any], interruption: Interruption) -> Callable[[str], Any]:
    return lambda name: BreakingClient(clients[name], interruption)


def _as_boto3(call: Callable[..., Any], **options: Any) -> Any:
    try:
        return call(**options)
    except BrokenError:
        raise ConnectionClosedError(endpoint_url="https://aws.example") from None


def interrupted_database(interruption: Interruption) -> pytest.MonkeyPatch:
    """Let an interruption end logins and SQL statements, until the patch is undone."""

    def around(call: Callable[[], Any]) -> Any:
        try:
            return interruption.around(call)
        except BrokenError:
            raise psycopg2.OperationalError("server closed the connection unexpectedly") from None

    class Cursor(psycopg2.extensions.cursor):  # type: ignore[misc] # psycopg2 has no types
        def execute(self, query: Any, values: Any = None) -> None:
            around(lambda: super(Cursor, self).execute(query, values))

    class Connection(psycopg2.extensions.connection):  # type: ignore[misc]
        def cursor(self, *arguments: Any, **options: Any) -> Any:
            return super().cursor(*arguments, **options, cursor_factory=Cursor)

    connect = psycopg2.connect
    patch = pytest.MonkeyPatch()
    patch.setattr(
        psycopg2,
        "connect",
        lambda **options: around(lambda: connect(**options, connection_factory=Connection)),
    )
    return patch


def check_logins(service: RotatedService) -> None:
    """Tasks log in as the active user, and the idle user is lost to nobody."""
    assert service.logs_in("blue")
    stages = ("AWSCURRENT", "AWSPENDING")
    assert any(service.logs_in("green", stage) for stage in stages)


def check_rotated(service: RotatedService, version: str) -> None:
    labels = service.labels("green")
    assert labels["AWSCURRENT"] == labels["ROTATED"] == version
    check_logins(service)
    assert service.logs_in("green")


@pytest.mark.walk
@pytest.mark.timeout(1500)
def test_a_rotation_whose_connection_breaks_anywhere_converges_when_repeated(
    service: RotatedService,
) -> None:
    clients = {name: service.aws.client(name) for name in SERVICES}
    points = 0
    for interruption in interruptions(Breaking):
        version = service.begin("green")
        patch = interrupted_database(interruption)
        try:
            service.steps("green", version, breaking(clients, interruption))
        except (NotRotatedError, BrokenError):
            pass
        finally:
            patch.undo()
        if not interruption.happened:
            break
        points += 1
        check_logins(service)
        service.steps("green", version)
        check_rotated(service, version)
    print(f"broken at {points} points")
    assert points > FEWEST_POINTS


@pytest.mark.walk
@pytest.mark.timeout(1500)
def test_a_rotation_whose_process_is_killed_anywhere_converges_when_repeated(
    service: RotatedService,
) -> None:
    # Not used here, so that no child inherits an open connection.
    clients = {name: service.aws.client(name) for name in SERVICES}
    points = 0
    for interruption in interruptions(Killing):
        version = service.begin("green")
        if not dies(service, version, interruption, clients):
            break
        points += 1
        check_logins(service)
        service.steps("green", version)
        check_rotated(service, version)
    print(f"killed at {points} points")
    assert points > FEWEST_POINTS


def test_a_rotation_that_waits_too_long_for_a_lock_ends_and_converges_when_repeated(
    service: RotatedService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres_connection, "_STATEMENT_MILLISECONDS", 300)
    version = service.begin("green")
    service.step("createSecret", "green", version)
    postgres = service.postgres
    with closing(postgres.connect("rdsadmin", postgres.superuser_password, "postgres")) as other:
        other.autocommit = False
        other.cursor().execute(f"ALTER ROLE {service.user('green')} CONNECTION LIMIT -1")
        with pytest.raises(NotRotatedError, match=r"lock timeout|statement timeout"):
            service.step("setSecret", "green", version)
        check_logins(service)
    service.steps("green", version)
    check_rotated(service, version)


def dies(
    service: RotatedService, version: str, interruption: Interruption, clients: dict[str, Any]
) -> bool:
    """Rotate in a process of its own; whether it was killed."""
    child = os.fork()
    if not child:
        try:
            interrupted_database(interruption)
            service.steps(
                "green", version, lambda name: InterruptedClient(clients[name], interruption)
            )
            os._exit(0)
        finally:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return True
    assert os.WEXITSTATUS(status) == 0
    return False
