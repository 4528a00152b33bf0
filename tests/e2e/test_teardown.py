"""Removing a platform."""

from __future__ import annotations

import pytest

from local_aws.control import LocalAws
from tests.e2e.platform import Platform, platform_variables


class Doomed(Platform):
    """A second platform on the same local AWS."""

    name = "gone"


@pytest.fixture(scope="module")
def doomed(aws: LocalAws, platform: Platform, hello_image: str) -> Doomed:
    deployed = Doomed(aws)
    deployed.play("playbooks/platform.yml", platform="gone", **platform_variables())
    deployed.play("playbooks/service.yml", **deployed.service("hello", hello_image))
    return deployed


def everything_named(aws: LocalAws, prefix: str) -> dict[str, list[str]]:
    """Return what AWS lists under a platform's name, by kind."""
    client = aws.client
    roles = client("iam").list_roles(MaxItems=1000)["Roles"]
    kinds = {
        "bucket": [b["Name"] for b in client("s3").list_buckets()["Buckets"]],
        "cluster": [arn.rpartition("/")[2] for arn in client("ecs").list_clusters()["clusterArns"]],
        "database": [
            c["DBClusterIdentifier"] for c in client("rds").describe_db_clusters()["DBClusters"]
        ],
        "function": [f["FunctionName"] for f in client("lambda").list_functions()["Functions"]],
        "load balancer": [
            lb["LoadBalancerName"]
            for lb in client("elbv2").describe_load_balancers()["LoadBalancers"]
        ],
        "log group": [g["logGroupName"] for g in client("logs").describe_log_groups()["logGroups"]],
        "parameter": [p["Name"] for p in client("ssm").describe_parameters()["Parameters"]],
        "queue": [
            url.rpartition("/")[2] for url in client("sqs").list_queues().get("QueueUrls", [])
        ],
        "role": [r["RoleName"] for r in roles],
        "rule": [rule["Name"] for rule in client("events").list_rules()["Rules"]],
        "secret": [s["Name"] for s in client("secretsmanager").list_secrets()["SecretList"]],
        "table": client("dynamodb").list_tables()["TableNames"],
    }
    found = {
        kind: [n for n in names if n.lstrip("/").split("/")[0].startswith(prefix)]
        for kind, names in kinds.items()
    }
    return {kind: names for kind, names in found.items() if names}


def test_an_unconfirmed_teardown_removes_nothing(doomed: Doomed) -> None:
    before = doomed.stack_names()
    output = doomed.play_in_vain("playbooks/teardown.yml", platform="gone", confirm="shop")
    assert "-e confirm=gone" in output
    assert doomed.stack_names() == before


def test_a_check_says_what_would_go_and_what_would_stay(doomed: Doomed) -> None:
    before = doomed.stack_names()
    given = {"platform": "gone", "confirm": "gone"}
    output = " ".join(doomed.play("playbooks/teardown.yml", "--check", **given).split())
    assert "Nothing is left" not in output
    assert "stack gone-rds is deleted: " in output
    assert "is deleted after a snapshot: Cluster (RDS::DBCluster)" in output
    assert "Would go: gone-cluster, gone-deployment-all, " in output
    assert "Would stay, with all the databases: a last snapshot of Cluster." in output
    assert "Would stay: Key" in output
    data = doomed.play("playbooks/teardown.yml", "--check", **given, delete_data="gone")
    told = " ".join(data.split())
    assert "Would stay, with all the databases" not in told
    assert "Would go at the end, with all the data in them: the last snapshot of Cluster" in told
    assert doomed.stack_names() == before


def test_a_teardown_that_fails_half_way_says_at_what(doomed: Doomed) -> None:
    """The next one, below, finishes it: a stack in DELETE_FAILED takes no update."""
    doomed.aws.fail("gone-rds", "Cluster", "DELETE")
    output = doomed.play_in_vain("playbooks/teardown.yml", platform="gone", confirm="gone")
    assert "Cluster (AWS::RDS::DBCluster): Injected failure" in output.replace("\n", " ")
    assert "gone-rds" in doomed.stack_names()


def test_a_confirmed_teardown_leaves_nothing_behind_but_the_snapshot_it_names(
    doomed: Doomed,
) -> None:
    others = {name for name in doomed.stack_names() if not name.startswith("gone-")}
    output = doomed.play("playbooks/teardown.yml", platform="gone", confirm="gone")
    assert doomed.stack_names() == others
    assert everything_named(doomed.aws, "gone") == {}
    snapshots = doomed.aws.client("rds").describe_db_cluster_snapshots()["DBClusterSnapshots"]
    assert [s for s in snapshots if s["DBClusterSnapshotIdentifier"] in output]


def test_the_data_that_a_teardown_left_can_be_deleted_afterwards(doomed: Doomed) -> None:
    """As the teardown says; the platform's stacks are gone by then."""
    rds, kms = doomed.aws.client("rds"), doomed.aws.client("kms")

    def snapshots() -> dict[str, str]:
        found = rds.describe_db_cluster_snapshots()["DBClusterSnapshots"]
        return {
            it["DBClusterSnapshotIdentifier"]: it["KmsKeyId"]
            for it in found
            if it["DBClusterIdentifier"].startswith("gone-")
        }

    (name, key), *_ = snapshots().items()
    foreign = kms.create_key()["KeyMetadata"]["Arn"]
    cluster = "gone-rds-cluster-somebodyelse1"
    rds.create_db_cluster(
        DBClusterIdentifier=cluster,
        Engine="aurora-postgresql",
        MasterUsername="admin1",
        MasterUserPassword="secret-of-nobody",
        StorageEncrypted=True,
        KmsKeyId=foreign,
    )
    rds.create_db_cluster_snapshot(
        DBClusterIdentifier=cluster, DBClusterSnapshotIdentifier="somebodys-copy"
    )
    rds.delete_db_cluster(DBClusterIdentifier=cluster, SkipFinalSnapshot=True)
    given = {"platform": "gone", "confirm": "gone", "delete_data": "gone"}
    output = doomed.play("playbooks/teardown.yml", **given)
    assert name in output
    assert "left alone: snapshot somebodys-copy." in output.replace("\n", " ")
    assert snapshots() == {"somebodys-copy": foreign}
    assert kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"] == "PendingDeletion"
    assert kms.describe_key(KeyId=foreign)["KeyMetadata"]["KeyState"] == "Enabled"
    assert "Nothing is left." in doomed.play("playbooks/teardown.yml", **given)
