"""Aurora clusters restored to a moment of another one."""

from __future__ import annotations

import datetime
import time
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from local_aws.control import LocalAws
from tests.integration.local_aws.support import Stacks

PASSWORD = "a-password-of-then"
CLUSTER = {"Engine": "aurora-postgresql", "StorageEncrypted": True}


def template(**properties: Any) -> dict[str, Any]:
    cluster = {"Type": "AWS::RDS::DBCluster", "Properties": CLUSTER | properties}
    return {
        "Resources": {"Cluster": cluster},
        "Outputs": {
            "Cluster": {"Value": {"Ref": "Cluster"}},
            "Host": {"Value": {"Fn::GetAtt": ["Cluster", "Endpoint.Address"]}},
            "Port": {"Value": {"Fn::GetAtt": ["Cluster", "Endpoint.Port"]}},
        },
    }


def connect(outputs: dict[str, str], password: str) -> psycopg.Connection[Any]:
    return psycopg.connect(
        host=outputs["Host"],
        port=int(outputs["Port"]),
        dbname="postgres",
        user="quayside",
        password=password,
        sslmode="require",
        autocommit=True,
    )


def now() -> str:
    """Return a moment before which all is written that was, and after which nothing was yet."""
    time.sleep(0.01)
    moment = datetime.datetime.now(datetime.UTC)
    time.sleep(0.01)
    return moment.isoformat().replace("+00:00", "Z")


@pytest.fixture(scope="module")
def source(aws: LocalAws) -> Iterator[dict[str, str]]:
    stacks = Stacks(aws)
    admin = {"MasterUsername": "quayside", "MasterUserPassword": PASSWORD}
    yield stacks.deploy("moments", template(**admin))
    stacks.delete("moments")


def test_a_cluster_is_restored_to_a_moment_and_again_to_one_of_its_own(
    aws: LocalAws, stacks: Stacks, source: dict[str, str]
) -> None:
    with connect(source, PASSWORD) as connection:
        connection.execute("CREATE TABLE lines AS SELECT 'before' AS line")
        moment = now()
        connection.execute("UPDATE lines SET line = 'after'")
        connection.execute("CREATE DATABASE later_one")
    past = {"SourceDBClusterIdentifier": source["Cluster"], "MasterUserPassword": "another-one"}
    first = stacks.deploy("moment-1", template(**past, RestoreToTime=moment))
    with connect(first, "another-one") as connection:
        assert connection.execute("SELECT line FROM lines").fetchone() == ("before",)
        assert not connection.execute(
            "SELECT 1 FROM pg_database WHERE datname = 'later_one'"
        ).fetchall()
        connection.execute("UPDATE lines SET line = 'its own'")
    latest = {**past, "SourceDBClusterIdentifier": first["Cluster"]}
    second = stacks.deploy("moment-2", template(**latest, UseLatestRestorableTime=True))
    with connect(second, "another-one") as connection:
        assert connection.execute("SELECT line FROM lines").fetchone() == ("its own",)
    with connect(source, PASSWORD) as connection:
        assert connection.execute("SELECT line FROM lines").fetchone() == ("after",)


def test_a_cluster_that_was_away_is_restored_to_a_moment_before_that(
    aws: LocalAws, stacks: Stacks, source: dict[str, str]
) -> None:
    with connect(source, PASSWORD) as connection:
        connection.execute("CREATE TABLE outages AS SELECT 'before' AS line")
    moment = now()
    aws.database_away(source["Cluster"], 0.2, "failover")
    past = {"SourceDBClusterIdentifier": source["Cluster"], "MasterUserPassword": PASSWORD}
    restored = stacks.deploy("moment-3", template(**past, RestoreToTime=moment))
    with connect(restored, PASSWORD) as connection:
        assert connection.execute("SELECT line FROM outages").fetchone() == ("before",)


def test_a_cluster_tells_to_which_moments_it_can_be_restored(
    aws: LocalAws, source: dict[str, str]
) -> None:
    def window() -> tuple[datetime.datetime, datetime.datetime]:
        (it,) = aws.client("rds").describe_db_clusters(DBClusterIdentifier=source["Cluster"])[
            "DBClusters"
        ]
        return it["EarliestRestorableTime"], it["LatestRestorableTime"]

    before = datetime.datetime.now(datetime.UTC) - datetime.timedelta(milliseconds=1)
    earliest, latest = window()
    assert earliest < before <= latest <= datetime.datetime.now(datetime.UTC)
    assert window()[0] == earliest


@pytest.mark.parametrize(
    ("code", "properties"),
    [
        ("InvalidParameterValue", {"RestoreToTime": "2015-03-07T23:45:00Z"}),
        ("InvalidParameterValue", {"RestoreToTime": "2999-03-07T23:45:00Z"}),
        ("InvalidParameterValue", {"RestoreToTime": "yesterday"}),
        ("InvalidParameterCombination", {}),
        (
            "InvalidParameterCombination",
            {"RestoreToTime": "2015-03-07T23:45:00Z", "UseLatestRestorableTime": True},
        ),
        (
            "InvalidParameterCombination",
            {"UseLatestRestorableTime": True, "MasterUsername": "quayside"},
        ),
        (
            "DBClusterNotFoundFault",
            {"UseLatestRestorableTime": True, "SourceDBClusterIdentifier": "no-such-cluster"},
        ),
    ],
)
def test_what_rds_refuses_of_a_moment_is_refused(
    stacks: Stacks, source: dict[str, str], code: str, properties: dict[str, Any]
) -> None:
    given = {"SourceDBClusterIdentifier": source["Cluster"], **properties}
    with pytest.raises(AssertionError, match=f"Error Code: {code}"):
        stacks.deploy("refused", template(**given))
    stacks.delete("refused")
