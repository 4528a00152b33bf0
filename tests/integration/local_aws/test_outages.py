"""Databases that are away for a while, and come back with all that was committed."""

from __future__ import annotations

import contextlib
import time
from typing import Any

import psycopg
import pytest

from local_aws.control import LocalAws
from local_aws.errors import LocalAwsError
from tests.integration.local_aws.support import Stacks, eventually
from tests.integration.local_aws.test_databases import (
    TEMPLATE,
    connect,
    rows,
    snapshots_of,
)


@pytest.fixture
def outputs(stacks: Stacks) -> dict[str, str]:
    return stacks.deploy("away", TEMPLATE)


def attempt(aws: LocalAws, outputs: dict[str, str]) -> str:
    """Return what happens to a session that asks for half a second."""
    try:
        with contextlib.closing(connect(aws, outputs)) as connection:
            for _ in range(5):
                connection.execute("SELECT 1")
                time.sleep(0.1)
    except psycopg.OperationalError as error:
        return str(error)
    return ""


def works(aws: LocalAws, outputs: dict[str, str]) -> bool:
    try:
        with connect(aws, outputs) as connection:
            connection.execute("CREATE TABLE IF NOT EXISTS back ()")
    except psycopg.Error:
        return False
    return True


def commit_and_keep_open(aws: LocalAws, outputs: dict[str, str]) -> psycopg.Connection[Any]:
    connection = connect(aws, outputs)
    connection.execute("CREATE TABLE kept AS SELECT 1 AS one")
    return connection


def kept(aws: LocalAws, outputs: dict[str, str]) -> list[Any]:
    with connect(aws, outputs) as connection:
        return rows(connection, "SELECT one FROM kept")


def test_a_stopped_database_refuses_connections_and_comes_back(
    aws: LocalAws, outputs: dict[str, str]
) -> None:
    open_before = commit_and_keep_open(aws, outputs)
    started = time.monotonic()
    aws.database_away(outputs["Cluster"], 2)
    assert time.monotonic() - started < 1  # it returns at once
    with pytest.raises(psycopg.errors.AdminShutdown):
        eventually(lambda: open_before.execute("SELECT pg_sleep(0.05)") is None)
    eventually(lambda: "Connection refused" in attempt(aws, outputs))
    with pytest.raises(LocalAwsError, match="away already"):
        aws.database_away(outputs["Cluster"], 1)
    eventually(lambda: works(aws, outputs))
    assert 2 <= time.monotonic() - started < 8
    assert kept(aws, outputs) == [(1,)]


def test_a_database_that_is_cut_off_breaks_sessions_and_tls_handshakes(
    aws: LocalAws, outputs: dict[str, str]
) -> None:
    commit_and_keep_open(aws, outputs).close()
    aws.database_away(outputs["Cluster"], 6, "cut")
    eventually(lambda: attempt(aws, outputs))
    errors: set[str] = set()
    end = time.monotonic() + 4
    while time.monotonic() < end and len(errors) < 4:
        errors.add(attempt(aws, outputs).rsplit("failed: ", 1)[-1].strip())
    assert "" not in errors  # no session lived for half a second
    told = " ".join(errors)
    assert "SSL SYSCALL error: EOF detected" in told or "closed the connection" in told
    assert "reset by peer" in told
    eventually(lambda: not attempt(aws, outputs))
    assert kept(aws, outputs) == [(1,)]


def test_a_failover_ends_sessions_and_leaves_a_reader_for_the_time(
    aws: LocalAws, outputs: dict[str, str]
) -> None:
    open_before = commit_and_keep_open(aws, outputs)
    aws.database_away(outputs["Cluster"], 3, "failover")
    with pytest.raises(psycopg.errors.AdminShutdown):
        eventually(lambda: open_before.execute("SELECT pg_sleep(0.05)") is None)
    eventually(lambda: not attempt(aws, outputs))  # it can be read
    reader = connect(aws, outputs)
    assert rows(reader, "SELECT one FROM kept") == [(1,)]
    with pytest.raises(psycopg.errors.ReadOnlySqlTransaction) as refused:
        reader.execute("ALTER ROLE quayside VALID UNTIL 'infinity'")
    assert refused.value.sqlstate == "25006"
    with pytest.raises(psycopg.errors.AdminShutdown):
        eventually(lambda: reader.execute("SELECT pg_sleep(0.05)") is None)
    eventually(lambda: works(aws, outputs))


def test_a_cluster_that_is_deleted_while_it_is_away_keeps_its_last_snapshot(
    aws: LocalAws, stacks: Stacks
) -> None:
    outputs = stacks.deploy("gone-away", TEMPLATE)
    commit_and_keep_open(aws, outputs).close()
    aws.database_away(outputs["Cluster"], 2)
    stacks.delete("gone-away")
    (snapshot,) = snapshots_of(aws, outputs["Cluster"])
    restored = stacks.deploy("restored-away", TEMPLATE, Snapshot=snapshot)
    assert kept(aws, restored) == [(1,)]


def test_an_outage_that_can_not_be_is_refused(aws: LocalAws, outputs: dict[str, str]) -> None:
    with pytest.raises(LocalAwsError, match="nowhere"):
        aws.database_away("nowhere", 1)
    with pytest.raises(LocalAwsError, match="asleep"):
        aws.database_away(outputs["Cluster"], 1, "asleep")
