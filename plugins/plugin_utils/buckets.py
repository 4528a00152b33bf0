"""The bucket that a platform makes for its artifacts: its name, and who may use it."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from ansible_collections.quayside.fargate.plugins.plugin_utils.errors import StackError

NO_REGION = (
    "support_region: no region is known, and the artifacts bucket is named after it. Give "
    "support_region, set AWS_REGION, give the profile a region, or name the bucket with "
    "support_artifacts_bucket."
)
_VARIABLE = "support_artifacts_bucket"


def name(platform: str, account: str, region: str) -> str:
    """Return what a platform calls its bucket; the names of buckets are everybody's."""
    return f"{platform}-artifacts-{account}-{region}"


def refuse_forgotten(before: str, now: str, named: Collection[str]) -> None:
    """Raise StackError if another bucket would take the place of the one that a platform has.

    The stack's own deployment would refuse it too, but the bucket and what goes into it would be
    there by then.

    Args:
        before: the bucket that the platform has, "" if it has none.
        now: the one that it would have, since none is named.
        named: variables that somebody gave, or allows to fall back.
    """
    if before not in ("", now) and _VARIABLE not in named:
        raise StackError(
            f"{_VARIABLE} isn't given, and would fall back from {before} to {now}. Nothing was "
            f"changed. Give it, or if it is meant, write support_allow: [{_VARIABLE}]"
        )


def policy(bucket: str, account: str, partition: str) -> dict[str, Any]:
    """Return the policy that keeps a bucket to its account, and its content out of plain HTTP.

    AWS's services act with the caller's account (CloudFormation for a template, Lambda for a zip)
    or by themselves, and those that do nobody allows here anything.

    Args:
        bucket: its name.
        account: whose it is.
        partition: such as ``aws``.
    Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/security-best-practices.html (data
    in transit), https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_data-perimeters.html
    """
    arn = f"arn:{partition}:s3:::{bucket}"
    all_of_it = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [arn, f"{arn}/*"],
    }
    others = {
        "StringNotEquals": {"aws:PrincipalAccount": account},
        "BoolIfExists": {"aws:PrincipalIsAWSService": "false"},
    }
    plain = {"Bool": {"aws:SecureTransport": "false"}}
    return {
        "Version": "2012-10-17",
        "Statement": [
            {"Sid": "RefusePlainHttp", **all_of_it, "Condition": plain},
            {"Sid": "RefuseOtherAccounts", **all_of_it, "Condition": others},
        ],
    }
