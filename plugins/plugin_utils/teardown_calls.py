"""What a teardown asks AWS about what is left of a platform, and what it deletes of that."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from typing import Any

from ansible_collections.quayside.fargate.plugins.plugin_utils import aws, buckets
from ansible_collections.quayside.fargate.plugins.plugin_utils.errors import StackError
from ansible_collections.quayside.fargate.plugins.plugin_utils.teardown_remains import Remains

# Such a key tells its tags still, and refuses to be scheduled again (AWS KMS Developer Guide, Key
# states of AWS KMS keys).
_PENDING = "PendingDeletion"
# A key may be gone, or another account's, of which nobody may list the tags (AWS KMS API reference,
# ListResourceTags): it isn't the platform's.
_NOT_OURS = aws.DENIED | {"NotFoundException", "InvalidArnException"}
_GONE = {
    "DBClusterSnapshotNotFoundFault",
    "ResourceNotFoundException",
}  # by somebody else meanwhile
# HeadBucket's answers have no body, and so no code but the status.
_NO_BUCKET = {"404", "NoSuchBucket"}
_NOT_SHOWN = {"301", "403"}


def stacks(account: aws.Account) -> list[dict[str, Any]]:
    """Return all stacks of account and region (DescribeStacks)."""
    with _said("DescribeStacks"):
        return _pages(account.client("cloudformation"), "describe_stacks", "Stacks")


def bucket(account: aws.Account, platform: str) -> tuple[str, bool]:
    """Return what the platform calls the bucket that it makes, and whether it is ours.

    Looked for by its name: the stack that tells it may be gone already.

    Args:
        account: makes the clients.
        platform: its name.

    Returns: the name, "" if there is no such bucket; False if S3 won't let us look: it is another
    account's, or a permission is missing (Amazon S3 API reference, HeadBucket).
    Raises: StackError if AWS refuses otherwise, or no region is known.
    """
    if not account.region:
        raise StackError(buckets.NO_REGION)
    with _said("GetCallerIdentity"):
        owner = account.client("sts").get_caller_identity()["Account"]
    name = buckets.name(platform, owner, account.region)
    try:
        account.client("s3").head_bucket(Bucket=name, ExpectedBucketOwner=owner)
    except aws.AwsError as error:
        if aws.code(error) in _NOT_SHOWN:
            return name, False
        if aws.code(error) not in _NO_BUCKET:
            raise StackError(aws.explain(error, f"HeadBucket of {name}")) from error
        return "", True
    return name, True


class Leftovers:
    """What is left in one account and region.

    Each method raises StackError if AWS refuses.

    Args:
        account: makes the clients.
    """

    def __init__(self, account: aws.Account) -> None:
        self._rds = account.client("rds")
        self._kms = account.client("kms")
        self._logs = account.client("logs")

    def snapshots(self) -> list[dict[str, Any]]:
        """Return the manual snapshots of clusters; the automated ones go with their cluster."""
        with _said("DescribeDBClusterSnapshots"):
            return _pages(
                self._rds,
                "describe_db_cluster_snapshots",
                "DBClusterSnapshots",
                SnapshotType="manual",
            )

    def log_groups(self, prefixes: Iterable[str]) -> dict[str, dict[str, str]]:
        """Return the tags of the log groups whose names begin so, by name."""
        found = {}
        for prefix in prefixes:
            with _said(f"DescribeLogGroups of {prefix}"):
                listed = _pages(
                    self._logs, "describe_log_groups", "logGroups", logGroupNamePrefix=prefix
                )
            for group in listed:
                name, arn = group["logGroupName"], group["arn"].removesuffix(":*")
                with _said(f"ListTagsForResource of log group {name}", _GONE):
                    found[name] = self._logs.list_tags_for_resource(resourceArn=arn)["tags"]
        return found

    def keys(self, ids: Iterable[str]) -> dict[str, dict[str, str]]:
        """Return the tags of keys, by ARN; of those that may be looked at here."""
        found = {}
        for key in ids:
            with _said(f"ListResourceTags of key {key}", _NOT_OURS):
                tags = _pages(self._kms, "list_resource_tags", "Tags", KeyId=key)
                found[key] = {it["TagKey"]: it["TagValue"] for it in tags}
        return found

    def delete(self, remains: Remains) -> None:
        """Delete snapshots and log groups, and have the keys deleted in 30 days (AWS's own)."""
        for name in remains.snapshots:
            with _said(f"DeleteDBClusterSnapshot of {name}", _GONE):
                self._rds.delete_db_cluster_snapshot(DBClusterSnapshotIdentifier=name)
        for key in remains.keys:
            with _said(f"ScheduleKeyDeletion of {key}"):
                if self._kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"] != _PENDING:
                    self._kms.schedule_key_deletion(KeyId=key)
        for name in remains.log_groups:
            with _said(f"DeleteLogGroup of {name}", _GONE):
                self._logs.delete_log_group(logGroupName=name)


def _pages(client: Any, operation: str, member: str, **arguments: Any) -> list[dict[str, Any]]:
    pages = client.get_paginator(operation).paginate(**arguments)
    return [item for page in pages for item in page[member]]


@contextlib.contextmanager
def _said(doing: str, passed: Iterable[str] = ()) -> Iterator[None]:
    """Raise AWS's errors as StackError, but for the codes that are passed over."""
    try:
        yield
    except aws.AwsError as error:
        if aws.code(error) not in passed:
            raise StackError(aws.explain(error, doing)) from error
