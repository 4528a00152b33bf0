"""Templates too large for a request go through an S3 bucket.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator
from typing import Any

from ansible_collections.quayside.fargate.plugins.plugin_utils import aws
from ansible_collections.quayside.fargate.plugins.plugin_utils.errors import StackError

REQUEST_LIMIT = 51_200  # bytes
_OBJECT_LIMIT = 1_000_000  # bytes


def is_large(text: str) -> bool:
    """Say whether a template is too large for a request."""
    return len(text.encode()) > REQUEST_LIMIT


def check_size(text: str, source: str) -> None:
    """Raise StackError for a template that CloudFormation doesn't take in any way."""
    size = len(text.encode())
    if size > _OBJECT_LIMIT:
        raise StackError(
            f"The template {source} has {size:,} bytes; CloudFormation takes {_OBJECT_LIMIT:,} at "
            "most. Split it into two stacks."
        )


@contextlib.contextmanager
def uploaded(client: Any, bucket: str, text: str, *, keep: bool) -> Iterator[str]:
    """Put a template into a bucket under a key named by its content, and yield its URL.

    Args:
        client: botocore's client for S3.
        bucket: the bucket's name.
        text: the template.
        keep: whether it stays there afterwards; what was there before always stays.

    Raises: StackError if the bucket can't be written to.
    """
    body = text.encode()
    where = {"Bucket": bucket, "Key": f"templates/{hashlib.sha256(body).hexdigest()}.yml"}
    there = _is_there(client, where)
    if not there:
        try:
            client.put_object(**where, Body=body, ContentType="text/yaml")
        except aws.AwsError as error:
            doing = f"Uploading the template to bucket {bucket}"
            raise StackError(aws.explain(error, doing)) from error
    try:
        yield f"{client.meta.endpoint_url}/{bucket}/{where['Key']}"
    finally:
        if not there and not keep:
            with contextlib.suppress(*aws.AwsError):
                client.delete_object(**where)


def _is_there(client: Any, where: dict[str, str]) -> bool:
    try:
        client.head_object(**where)
    except aws.AwsError:  # not there, or not to be seen: then the upload says why
        return False
    return True
