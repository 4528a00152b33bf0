"""Ports and addresses of one local AWS are its own."""

from __future__ import annotations

import ipaddress
import socket
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local_aws.errors import LocalAwsError
from local_aws.settings import BLOCK_PORTS, Settings, free_port, port_is_free

PORTS = st.integers(min_value=1024, max_value=65000)


def settings(port: int, directory: Path = Path("/nowhere")) -> Settings:
    return Settings(directory, port, "eu-central-1", "key", "secret")


@given(PORTS, PORTS, st.integers(1, 100_000), st.integers(1, 100_000))
def test_two_local_aws_in_different_blocks_of_ports_never_share_an_address(
    one: int, other: int, first: int, second: int
) -> None:
    if one // BLOCK_PORTS != other // BLOCK_PORTS:
        assert settings(one).address(first) != settings(other).address(second)


@given(PORTS, st.integers(1, 100_000))
def test_every_address_is_loopback_and_none_is_127_0_0_1(port: int, number: int) -> None:
    address = settings(port).address(number)
    assert ipaddress.ip_address(address).is_loopback
    assert address != "127.0.0.1"


@given(PORTS)
def test_sixteen_thousand_tasks_have_distinct_addresses(port: int) -> None:
    own = settings(port)
    numbers = (1, 2, 255, 256, 8191, 16381)
    assert len({own.address(number) for number in numbers}) == len(numbers)


@given(PORTS)
def test_the_databases_ports_end_with_the_block(port: int) -> None:
    own = settings(port)
    assert {own.port, own.tls_port, own.front_port}.isdisjoint(own.database_ports)
    assert all(number // BLOCK_PORTS == port // BLOCK_PORTS for number in own.database_ports)


def test_a_port_that_someone_listens_on_is_not_free() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        assert not port_is_free(server.getsockname()[1])


def test_a_free_port_begins_a_block() -> None:
    assert free_port() % BLOCK_PORTS == 0


def test_every_start_has_another_root_key() -> None:
    keys = {Settings.fresh(Path("/nowhere"), 1, "r").secret_key for _ in range(5)}
    assert len(keys) == 5


def test_the_settings_are_kept_for_their_owner_alone(tmp_path: Path) -> None:
    kept = settings(10240, tmp_path)
    kept.save()
    assert Settings.load(tmp_path) == kept
    assert stat.S_IMODE((tmp_path / "server.json").stat().st_mode) == 0o600


def test_a_directory_without_a_local_aws_says_how_to_start_one(tmp_path: Path) -> None:
    with pytest.raises(LocalAwsError, match="python -m local_aws start"):
        Settings.load(tmp_path)
