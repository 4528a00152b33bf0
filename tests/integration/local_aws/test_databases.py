"""Aurora clusters: master user, TLS, passwords, snapshots, replacement."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psycopg
import pytest

from local_aws.control import LocalAws
from tests.integration.local_aws.support import Stacks

TEMPLATE: dict[str, Any] = {
    "Parameters": {
        "Password": {"Type": "String", "Default": "first-password", "NoEcho": True},
        "Snapshot": {"Type": "String", "Default": ""},
        "Protected": {"Type": "String", "Default": "false"},
        "Identifier": {"Type": "String", "Default": ""},
    },
    "Conditions": {
        "Restored": {"Fn::Not": [{"Fn::Equals": [{"Ref": "Snapshot"}, ""]}]},
        "Named": {"Fn::Not": [{"Fn::Equals": [{"Ref": "Identifier"}, ""]}]},
    },
    "Resources": {
        "Parameters": {
            "Type": "AWS::RDS::DBClusterParameterGroup",
            "Properties": {
                "Family": "aurora-postgresql17",
                "Description": "for tests",
                "Parameters": {"rds.force_ssl": "1", "log_statement": "ddl"},
            },
        },
        "Cluster": {
            "Type": "AWS::RDS::DBCluster",
            "DeletionPolicy": "Snapshot",
            "UpdateReplacePolicy": "Snapshot",
            "Properties": {
                "DBClusterIdentifier": {
                    "Fn::If": ["Named", {"Ref": "Identifier"}, {"Ref": "AWS::NoValue"}]
                },
                "Engine": "aurora-postgresql",
                "EngineVersion": "17.5",
                "DBClusterParameterGroupName": {"Ref": "Parameters"},
                "DeletionProtection": {"Ref": "Protected"},
                "StorageEncrypted": True,
                "MasterUsername": {"Fn::If": ["Restored", {"Ref": "AWS::NoValue"}, "quayside"]},
                "MasterUserPassword": {
                    "Fn::If": ["Restored", {"Ref": "AWS::NoValue"}, {"Ref": "Password"}]
                },
                "SnapshotIdentifier": {
                    "Fn::If": ["Restored", {"Ref": "Snapshot"}, {"Ref": "AWS::NoValue"}]
                },
            },
        },
        "Writer": {
            "Type": "AWS::RDS::DBInstance",
            "Properties": {
                "DBClusterIdentifier": {"Ref": "Cluster"},
                "DBInstanceClass": "db.serverless",
                "Engine": "aurora-postgresql",
            },
        },
        "Reader": {
            "Type": "AWS::RDS::DBInstance",
            "DependsOn": "Writer",
            "Properties": {
                "DBClusterIdentifier": {"Ref": "Cluster"},
                "DBInstanceClass": "db.serverless",
                "Engine": "aurora-postgresql",
            },
        },
    },
    "Outputs": {
        "Cluster": {"Value": {"Ref": "Cluster"}},
        "Host": {"Value": {"Fn::GetAtt": ["Cluster", "Endpoint.Address"]}},
        "ReaderHost": {"Value": {"Fn::GetAtt": ["Cluster", "ReadEndpoint.Address"]}},
        "Port": {"Value": {"Fn::GetAtt": ["Cluster", "Endpoint.Port"]}},
    },
}


def connect(
    aws: LocalAws, outputs: dict[str, str], password: str = "first-password", **options: Any
) -> psycopg.Connection[Any]:
    return psycopg.connect(
        host=outputs["Host"],
        port=outputs["Port"],
        user="quayside",
        password=password,
        dbname="postgres",
        autocommit=True,
        sslrootcert=str(aws.ca_bundle),
        **({"sslmode": "verify-full"} | options),
    )


def rows(connection: psycopg.Connection[Any], query: Any) -> list[Any]:
    return connection.execute(query).fetchall()


def cluster_of(aws: LocalAws, outputs: dict[str, str]) -> dict[str, Any]:
    clusters = aws.client("rds").describe_db_clusters(DBClusterIdentifier=outputs["Cluster"])
    return dict(clusters["DBClusters"][0])


def snapshots_of(aws: LocalAws, cluster: str) -> list[str]:
    found = aws.client("rds").describe_db_cluster_snapshots(DBClusterIdentifier=cluster)
    return [s["DBClusterSnapshotIdentifier"] for s in found["DBClusterSnapshots"]]


def test_the_master_user_is_no_superuser_and_may_create_roles_and_databases(
    aws: LocalAws, stacks: Stacks
) -> None:
    outputs = stacks.deploy("master", TEMPLATE)
    with connect(aws, outputs) as connection:
        assert rows(connection, "SELECT rolsuper FROM pg_roles WHERE rolname = current_user") == [
            (False,)
        ]
        connection.execute("CREATE ROLE someone LOGIN")
        connection.execute("CREATE DATABASE something")
        connection.execute("CREATE EXTENSION pgcrypto")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("ALTER ROLE rdsadmin PASSWORD 'x'")
    with pytest.raises(psycopg.OperationalError, match="no encryption"):
        connect(aws, outputs, sslmode="disable")


def test_nothing_of_a_database_lies_where_it_outlives_a_killed_server(
    aws: LocalAws, stacks: Stacks
) -> None:
    outputs = stacks.deploy("memory", TEMPLATE)
    with connect(aws, outputs) as connection:
        assert rows(connection, "SHOW dynamic_shared_memory_type") == [("mmap",)]
    made_by_initdb = Path((aws.directory / "databases.path").read_text()) / "empty"
    settings = (made_by_initdb / "postgresql.conf").read_text()
    assert "\ndynamic_shared_memory_type = mmap" in settings


def test_one_member_is_the_writer_and_all_share_the_endpoint(aws: LocalAws, stacks: Stacks) -> None:
    outputs = stacks.deploy("members", TEMPLATE)
    cluster = cluster_of(aws, outputs)
    assert sorted(m["IsClusterWriter"] for m in cluster["DBClusterMembers"]) == [False, True]
    assert (cluster["Endpoint"], str(cluster["Port"])) == (outputs["Host"], outputs["Port"])
    assert outputs["ReaderHost"] == outputs["Host"]
    assert cluster["StorageEncrypted"]


def test_a_changed_password_holds_at_once_and_sessions_live_on(
    aws: LocalAws, stacks: Stacks
) -> None:
    outputs = stacks.deploy("password", TEMPLATE)
    with connect(aws, outputs) as open_before:
        assert stacks.deploy("password", TEMPLATE, Password="second-password") == outputs
        assert rows(open_before, "SELECT 1") == [(1,)]
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        connect(aws, outputs)
    with connect(aws, outputs, "second-password") as connection:
        assert rows(connection, "SELECT 1") == [(1,)]
    aws.client("rds").modify_db_cluster(
        DBClusterIdentifier=outputs["Cluster"], MasterUserPassword="third-password"
    )
    connect(aws, outputs, "third-password").close()


def test_a_snapshot_restores_the_data_and_the_old_password(aws: LocalAws, stacks: Stacks) -> None:
    outputs = stacks.deploy("source", TEMPLATE)
    rds = aws.client("rds")
    with connect(aws, outputs) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 1 AS one")
        rds.create_db_cluster_snapshot(
            DBClusterSnapshotIdentifier="by-hand", DBClusterIdentifier=outputs["Cluster"]
        )
        connection.execute("DROP TABLE kept")  # the server served all the time
    restored = stacks.deploy("restored", TEMPLATE, Snapshot="by-hand")
    assert restored["Port"] != outputs["Port"]
    assert cluster_of(aws, restored)["MasterUsername"] == "quayside"
    with connect(aws, restored) as connection:
        assert rows(connection, "SELECT one FROM kept") == [(1,)]
    # the same SnapshotIdentifier again restores nothing
    assert stacks.deploy("restored", TEMPLATE, Snapshot="by-hand", Protected="true") == restored
    stacks.deploy("restored", TEMPLATE, Snapshot="by-hand", Protected="false")
    # without it: an empty cluster, and the old one deleted, with a snapshot by its policy
    empty = stacks.deploy("restored", TEMPLATE)
    assert empty["Cluster"] != restored["Cluster"]
    with connect(aws, empty) as connection:
        assert rows(connection, "SELECT to_regclass('kept')") == [(None,)]
    (replaced,) = snapshots_of(aws, restored["Cluster"])
    again = stacks.deploy("again", TEMPLATE, Snapshot=replaced)
    with connect(aws, again) as connection:
        assert rows(connection, "SELECT one FROM kept") == [(1,)]
    rds.delete_db_cluster_snapshot(DBClusterSnapshotIdentifier="by-hand")
    with pytest.raises(AssertionError, match="DBClusterSnapshot not found: by-hand"):
        stacks.deploy("gone", TEMPLATE, Snapshot="by-hand")


def test_a_restored_cluster_refuses_a_master_username(stacks: Stacks) -> None:
    template = {"Resources": {"Cluster": {**TEMPLATE["Resources"]["Cluster"]}}}
    template["Resources"]["Cluster"]["Properties"] = {
        "Engine": "aurora-postgresql",
        "SnapshotIdentifier": "any",
        "MasterUsername": "someone",
    }
    with pytest.raises(AssertionError, match="MasterUsername can't be specified"):
        stacks.deploy("refused", template)


def test_a_deleted_stack_leaves_a_snapshot_and_a_protected_cluster_stays(
    aws: LocalAws, stacks: Stacks
) -> None:
    outputs = stacks.deploy("deleted", TEMPLATE, Protected="true")
    with pytest.raises(AssertionError, match="Cannot delete protected Cluster"):
        stacks.delete("deleted")
    connect(aws, outputs).close()
    assert snapshots_of(aws, outputs["Cluster"]) == []
    aws.client("rds").modify_db_cluster(
        DBClusterIdentifier=outputs["Cluster"], DeletionProtection=False
    )
    stacks.delete("deleted")
    assert len(snapshots_of(aws, outputs["Cluster"])) == 1
    with pytest.raises(psycopg.OperationalError):
        connect(aws, outputs)


def test_a_name_that_is_taken_is_refused_and_its_owner_unharmed(
    aws: LocalAws, stacks: Stacks
) -> None:
    outputs = stacks.deploy("owner", TEMPLATE, Identifier="taken")
    with pytest.raises(AssertionError, match="already exists"):
        stacks.deploy("second", TEMPLATE, Identifier="taken")
    connect(aws, outputs).close()


def test_no_password_reaches_a_log_a_file_or_the_process_list(
    aws: LocalAws, stacks: Stacks
) -> None:
    first, second = "canary-of-creation", "canary-of-change"
    ssm = aws.client("ssm")
    ssm.put_parameter(Name="/canary", Value=second, Type="SecureString")
    stacks.deploy("canary", TEMPLATE, Password=first)
    outputs = stacks.deploy("canary", TEMPLATE, Password="{{resolve:ssm-secure:/canary:1}}")
    connect(aws, outputs, second).close()
    folders = [aws.directory, Path((aws.directory / "databases.path").read_text())]
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    assert any(path.name == "postgresql.log" for path in files)
    for canary in (first, second):
        assert [path for path in files if canary.encode() in path.read_bytes()] == []
        commands = [path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline")]
        assert [command for command in commands if canary.encode() in command] == []
