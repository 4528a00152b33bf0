"""The bucket that a platform makes for its artifacts: its name, and who may use it."""

from __future__ import annotations

from typing import Any


def name(platform: str, account: str, region: str) -> str:
    """Return what a platform calls its bucket; the names of buckets are everybody's."""
    return f"{platform}-artifacts-{account}-{region}"


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
