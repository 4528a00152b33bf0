"""What is left of a platform whose stacks are gone, on a local AWS."""

from __future__ import annotations

import json
from typing import Any

import pytest

from local_aws.control import LocalAws
from tests.integration.plugins.support import Playbooks

CLUSTER = "left-rds-cluster-1a2b3c4d5e6f"
GROUP = "/aws/rds/cluster/left-rds-cluster-1a2b3c4d5e6f/postgresql"


@pytest.fixture
def key(aws: LocalAws) -> str:
    """A platform's key, with a snapshot under it and a log group that RDS made."""
    rds, kms, logs = (aws.client(name) for name in ("rds", "kms", "logs"))
    tags = [{"TagKey": "quayside:platform", "TagValue": "left"}]
    arn = kms.create_key(Tags=tags)["KeyMetadata"]["Arn"]
    rds.create_db_cluster(
        DBClusterIdentifier=CLUSTER,
        Engine="aurora-postgresql",
        MasterUsername="admin1",
        MasterUserPassword="secret-of-nobody",
        StorageEncrypted=True,
        KmsKeyId=arn,
    )
    rds.create_db_cluster_snapshot(
        DBClusterIdentifier=CLUSTER, DBClusterSnapshotIdentifier="left-last"
    )
    rds.delete_db_cluster(DBClusterIdentifier=CLUSTER, SkipFinalSnapshot=True)
    logs.create_log_group(logGroupName=GROUP)
    return str(arn)


def task(playbooks: Playbooks, *, delete_data: bool, check: bool = False) -> Any:
    lists = ("services", "protected", "foundations", "unprotect", "platforms")
    plan = {"platform": "left", "delete_data": delete_data, "bucket": "", "key": ""}
    plan |= {name: [] for name in lists}
    asked = {"quayside.fargate.teardown_remains": {"plan": plan}}
    return playbooks.task(asked, *(["--check"] if check else []))


def test_what_is_left_is_named_then_deleted_then_nothing_is_there(
    playbooks: Playbooks, aws: LocalAws, key: str
) -> None:
    """The key's deletion is scheduled already, as after a run that ended in the middle."""
    aws.client("kms").schedule_key_deletion(KeyId=key)
    named = task(playbooks, delete_data=False).result
    assert named["changed"] is False
    assert (named["snapshots"], named["keys"], named["log_groups"]) == (
        ["left-last"],
        [key],
        [GROUP],
    )
    checked = task(playbooks, delete_data=True, check=True).result
    assert checked["changed"] is False
    assert checked["told"][-1].endswith(f": left-last, the key {key}.")
    deleted = task(playbooks, delete_data=True).result
    assert deleted["changed"] is True
    assert deleted["told"] == [
        f"Deleted: snapshot left-last; log group {GROUP}.",
        f"Nothing is left but the key {key}, which AWS deletes in 30 days.",
    ]
    gone = task(playbooks, delete_data=True).message
    assert gone.startswith("There is no platform left in this account and region")


def planned(playbooks: Playbooks) -> Any:
    confirmed = {"platform": "zips", "confirm": "zips"}
    return playbooks.task({"quayside.fargate.teardown_plan": confirmed})


def test_the_bucket_is_found_by_its_name_where_no_stack_tells_it(
    playbooks: Playbooks, aws: LocalAws
) -> None:
    s3, name = aws.client("s3"), f"zips-artifacts-{aws.account}-{aws.region}"
    assert planned(playbooks).result["bucket"] == ""
    where = {"LocationConstraint": aws.region}
    s3.create_bucket(Bucket=name, CreateBucketConfiguration=where)
    assert planned(playbooks).result["bucket"] == name
    s3.delete_bucket(Bucket=name)


def test_a_bucket_that_s3_does_not_show_is_said_and_left(
    playbooks: Playbooks, aws: LocalAws
) -> None:
    """Another account's is answered as one for which a permission is missing."""
    iam, user = aws.client("iam"), {"UserName": "without-s3"}
    stacks = ["cloudformation:DescribeStacks", "cloudformation:ListStacks"]
    allowed = {"Effect": "Allow", "Action": stacks, "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    iam.create_user(**user)
    iam.put_user_policy(**user, PolicyName="stacks", PolicyDocument=policy)
    key = iam.create_access_key(**user)["AccessKey"]
    s3, name = aws.client("s3"), f"zips-artifacts-{aws.account}-{aws.region}"
    where = {"LocationConstraint": aws.region}
    s3.create_bucket(Bucket=name, CreateBucketConfiguration=where)
    run = planned(playbooks.acting_as(key["AccessKeyId"], key["SecretAccessKey"]))
    assert run.result["bucket"] == ""
    said = " ".join(run.output.split())
    assert f"The bucket {name} stays: S3 doesn't let you look at it." in said
    s3.delete_bucket(Bucket=name)
