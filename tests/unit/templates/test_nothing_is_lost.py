"""Data, keys and passwords outlive what they must, and no update replaces them by accident."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.unit.templates.templates import NAMES, Stack, load

FROZEN: dict[str, Any] = yaml.safe_load(Path(__file__).with_name("frozen.yml").read_text())
EVERYTHING = {
    "Platform": "shop",
    "Name": "orders",
    "HostName": "orders.example.com",
    "HostedZoneId": "Z1",
    "ClusterName": "shop",
    "AlarmTopicArn": "topic",
    "LoadBalancerFullName": "app/x/1",
    "TargetGroupFullName": "targetgroup/x/1",
    "MaxCount": "4",
    "ZoneCount": "3",
}
# template, logical id -> what happens on deletion, and on replacement
POLICIES = {
    ("rds", "Cluster"): ("Snapshot", "Snapshot"),
    ("rds", "Key"): ("RetainExceptOnCreate", "Retain"),
    ("rds", "FirstInstance"): ("Delete", "Delete"),
    ("rds", "FourthInstance"): ("Delete", "Delete"),
    ("cluster", "ServiceLinkedRole"): ("Retain", "Retain"),
    ("support", "ListenerPriorityTable"): ("Delete", "Retain"),
    ("support", "DatabaseFunctionLogGroup"): ("Delete", "Delete"),
    ("rotation", "ActivationQueue"): ("Delete", "Delete"),
    ("service", "Key"): ("Delete", "Delete"),
    ("service", "LogGroup"): ("Delete", "Delete"),
    ("service", "TaskDefinition"): ("Delete", "Retain"),  # rollback.yml copies earlier revisions
    ("service", "BlueSecret"): ("Delete", "Delete"),
    ("service", "GreenSecret"): ("Delete", "Delete"),
}


def frozen_resources() -> list[tuple[str, str, str]]:
    """Template, logical id and type of every frozen resource."""
    return [(name, key, kind) for name in NAMES for key, kind in FROZEN[name]["resources"].items()]


def stack(name: str) -> Stack:
    """A template with all it can have."""
    given = EVERYTHING if name != "load_balancer" else {"Platform": "shop", "Name": "public"}
    return Stack(name, given)


@pytest.mark.parametrize(("name", "key", "kind"), frozen_resources())
def test_a_resource_keeps_its_logical_id(name: str, key: str, kind: str) -> None:
    assert load(name)["Resources"][key]["Type"] == kind


@pytest.mark.parametrize("name", NAMES)
def test_what_is_named_or_generated_stays_as_it_is(name: str) -> None:
    resources = stack(name).resources
    for key, frozen in FROZEN[name]["properties"].items():
        properties = resources[key]["Properties"]
        assert {it: properties.get(it) for it in frozen} == frozen, key


@pytest.mark.parametrize(("place", "policies"), POLICIES.items())
def test_what_holds_data_says_what_becomes_of_it(
    place: tuple[str, str], policies: tuple[str, str]
) -> None:
    resource = load(place[0])["Resources"][place[1]]
    assert (resource["DeletionPolicy"], resource["UpdateReplacePolicy"]) == policies


def test_a_database_is_protected_encrypted_and_backed_up_unless_told_otherwise() -> None:
    cluster = Stack("rds", {"Platform": "shop"}).resources["Cluster"]["Properties"]
    assert cluster["DeletionProtection"] == "true"
    assert cluster["StorageEncrypted"] is True
    assert cluster["KmsKeyId"] == "<Key.Arn>"
    assert int(cluster["BackupRetentionPeriod"]) >= 7


def test_cluster_and_instances_have_no_name_in_a_replacements_way() -> None:
    for key, resource in Stack("rds", {"Platform": "shop", "ReaderCount": "3"}).resources.items():
        if resource["Type"].startswith("AWS::RDS::DB"):
            names = {"DBInstanceIdentifier", "DBSubnetGroupName", "DBClusterParameterGroupName"}
            identifiers = {"DBClusterIdentifier"} if key == "Cluster" else names
            own = identifiers - {"DBSubnetGroupName", "DBClusterParameterGroupName"}
            assert not own & resource["Properties"].keys()


def test_the_admin_password_is_resolved_by_version_and_stands_nowhere() -> None:
    """Without its version CloudFormation would compare the literal, and see no change."""
    password = load("rds")["Resources"]["Cluster"]["Properties"]["MasterUserPassword"]["Fn::Sub"]
    assert password == (
        "{{resolve:ssm-secure:${AdminPassword.ParameterName}:${AdminPassword.Version}}}"
    )


def test_a_restored_cluster_has_the_snapshots_admin_with_our_password() -> None:
    """AWS::RDS::DBCluster: MasterUsername and StorageEncrypted don't go with SnapshotIdentifier.

    MasterUserPassword does: the handler sets it once the snapshot is restored.
    """
    given = {"Platform": "shop", "SnapshotIdentifier": "last-night"}
    restored = Stack("rds", given).resources["Cluster"]["Properties"]
    assert restored["SnapshotIdentifier"] == "last-night"
    assert not {"MasterUsername", "StorageEncrypted"} & restored.keys()
    assert restored["MasterUserPassword"].startswith("{{resolve:ssm-secure:")
    fresh = Stack("rds", {"Platform": "shop"}).resources["Cluster"]["Properties"]
    assert "SnapshotIdentifier" not in fresh
    assert fresh["MasterUsername"] == "quayside"


@pytest.mark.parametrize(("count", "readers"), [("0", 0), ("1", 1), ("2", 2), ("3", 3)])
def test_readers_are_counted(count: str, readers: int) -> None:
    resources = Stack("rds", {"ReaderCount": count}).resources.values()
    instances = [it for it in resources if it["Type"] == "AWS::RDS::DBInstance"]
    assert len(instances) == 1 + readers


def test_tls_is_forced_and_users_may_change_their_passwords() -> None:
    group = Stack("rds").resources["ClusterParameterGroup"]["Properties"]
    assert group["Family"] == "aurora-postgresql17"
    assert group["Parameters"]["rds.force_ssl"] == "1"
    assert group["Parameters"]["rds.restrict_password_commands"] == "0"


def test_the_account_keeps_every_key() -> None:
    for name in ("rds", "service"):
        policy = stack(name).resources["Key"]["Properties"]["KeyPolicy"]
        account = policy["Statement"][0]
        assert account["Principal"] == {"AWS": "arn:aws:iam::123456789012:root"}
        assert account["Action"] == "kms:*"
        assert "Condition" not in account


def test_whom_a_key_lets_in_beside_the_account_it_names_by_account_and_role_or_by_log_group() -> (
    None
):
    for name in ("rds", "service"):
        for statement in stack(name).resources["Key"]["Properties"]["KeyPolicy"]["Statement"][1:]:
            keys = {key for operator in statement["Condition"].values() for key in operator}
            if "Service" in statement["Principal"]:
                assert keys == {"kms:EncryptionContext:aws:logs:arn"}
            else:
                assert {"kms:CallerAccount", "aws:PrincipalArn"} <= keys
