"""A database that goes away in a rotation delays it, and breaks nothing."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from custom_resources.rotation.rotate import steps
from custom_resources.rotation.rotate.function import NotRotatedError
from custom_resources.rotation.rotate.user import set_password
from tests.integration.custom_resources.network import Network, network
from tests.integration.custom_resources.postgres_servers import PostgresServer
from tests.integration.custom_resources.rotation.world import STEPS, RotatedService

_AWAY_SECONDS = 2.0
_PATIENCE = 30.0
New = Callable[..., RotatedService]


@pytest.fixture
def path(database: PostgresServer) -> Iterator[Network]:
    """The network between the functions and the database."""
    with network(database.port) as made:
        yield made


@pytest.fixture
def fragile(new_service: New, name: str, path: Network) -> RotatedService:
    """A service whose secrets name the network's end."""
    service = new_service(name)
    service.postgres = replace(service.postgres, port=path.port)
    for colour in ("blue", "green"):
        service.put(colour, (service.value(colour) or {})["password"])
    return service


def away(path: Network) -> None:
    """Cut it for a while."""
    path.cut()
    threading.Timer(_AWAY_SECONDS, path.mend).start()


def check_rotated(service: RotatedService, version: str) -> None:
    labels = service.labels("green")
    assert labels["AWSCURRENT"] == labels["ROTATED"] == version
    assert service.logs_in("green")
    assert service.logs_in("blue")


@pytest.mark.parametrize("moment", STEPS)
def test_a_step_waits_for_a_database_that_is_away(
    fragile: RotatedService, path: Network, moment: str
) -> None:
    version = fragile.begin("green")
    for step in STEPS:
        if step == moment:
            away(path)
        fragile.step(step, "green", version, patience=_PATIENCE)

    check_rotated(fragile, version)


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_connection_that_is_lost_around_alter_role_is_opened_again(
    fragile: RotatedService, path: Network, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    version = fragile.begin("green")
    fragile.step("createSecret", "green", version)
    lost: list[str] = []

    def losing(connection: Any, credentials: Any, do: Any = set_password) -> None:
        lose("before")
        do(connection, credentials)
        lose("after")

    def lose(now: str) -> None:
        if now == when and not lost:
            lost.append(now)
            away(path)

    monkeypatch.setattr(steps, "set_password", losing)
    for step in STEPS[1:]:
        fragile.step(step, "green", version, patience=_PATIENCE)

    assert lost
    check_rotated(fragile, version)


@pytest.mark.parametrize("moment", ["createSecret", "setSecret", "finishSecret"])
def test_what_outlasts_a_step_is_finished_by_the_next_try(
    fragile: RotatedService, path: Network, moment: str
) -> None:
    version = fragile.begin("green")
    for step in STEPS:
        if step == moment:
            path.cut()
            with pytest.raises(NotRotatedError, match="There is no connection to PostgreSQL"):
                fragile.step(step, "green", version, patience=1)
            path.mend()
            break
        fragile.step(step, "green", version)
    assert fragile.logs_in("blue")
    fragile.steps("green", version)

    check_rotated(fragile, version)


def test_a_writer_that_became_a_reader_is_waited_for(
    service: RotatedService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """25006: the endpoint follows within a minute (Aurora user guide)."""
    version = service.begin("green")
    service.step("createSecret", "green", version)
    reader = f"ALTER ROLE {service.user('green')} SET default_transaction_read_only = on"
    writer = f"ALTER ROLE {service.user('green')} RESET default_transaction_read_only"
    service.postgres.query(reader)
    threading.Timer(_AWAY_SECONDS, service.postgres.query, [writer]).start()
    service.step("setSecret", "green", version, patience=_PATIENCE)
    service.steps("green", version)

    check_rotated(service, version)
