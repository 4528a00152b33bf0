"""The snapshot before a database is dropped: of which cluster, its name, and what it must be."""

from __future__ import annotations

import datetime
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.quayside.fargate.custom_resources.contract.names import Service
from ansible_collections.quayside.fargate.plugins.plugin_utils import last_snapshot

ASKED = datetime.datetime(2026, 11, 29, 11, 30, tzinfo=datetime.UTC)
DROPPED = {
    "Database": "true",
    "DatabaseDeletion": "Drop",
    "DatabaseClusterIdentifier": "shop-rds-cluster-abc",
}
TAKEN = {
    "Status": "available",
    "DBClusterIdentifier": "shop-rds-cluster-abc",
    "SnapshotCreateTime": ASKED,
}
NAMES = st.from_regex(r"[a-z][a-z0-9-]{1,29}", fullmatch=True)


def stack(parameters: dict[str, str]) -> dict[str, Any]:
    return {
        "Parameters": [
            {"ParameterKey": name, "ParameterValue": value} for name, value in parameters.items()
        ]
    }


@pytest.mark.parametrize(
    ("changed", "cluster"),
    [
        ({}, "shop-rds-cluster-abc"),
        ({"DatabaseDeletion": "Retain"}, ""),
        ({"Database": "false"}, ""),
    ],
)
def test_a_snapshot_is_taken_where_a_database_is_dropped(
    changed: dict[str, str], cluster: str
) -> None:
    assert last_snapshot.cluster_of(stack(DROPPED | changed)) == cluster


def test_a_stack_that_is_not_there_drops_nothing() -> None:
    assert last_snapshot.cluster_of(None) == ""


@given(platform=NAMES, name=NAMES)
def test_every_name_is_one_that_rds_takes_and_begins_with_the_platform(
    platform: str, name: str
) -> None:
    made = last_snapshot.name_of(Service(platform, name), ASKED)
    assert re.fullmatch(r"(?!.*--)[a-z][a-z0-9-]{0,61}[a-z0-9]", made), made
    assert made.endswith("-drop-20261129113000")
    assert len(made) <= 63


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({}, ""),
        ({"SnapshotCreateTime": ASKED + datetime.timedelta(seconds=9)}, ""),
        ({"Status": "failed"}, "is failed"),
        ({"DBClusterIdentifier": "other"}, "is of other"),
        (
            {"SnapshotCreateTime": ASKED - datetime.timedelta(seconds=1)},
            "is of 2026-11-29 11:29:59, before it was asked for",
        ),
    ],
)
def test_a_snapshot_must_be_available_of_that_cluster_and_newer_than_the_request(
    changed: dict[str, Any], problem: str
) -> None:
    found = TAKEN | changed
    assert last_snapshot.problem(found, "shop-rds-cluster-abc", ASKED) == problem
