"""What a stack finds in an S3 bucket: files of its parameters, and a template too large to send.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible_collections.quayside.fargate.plugins.plugin_utils import aws
from ansible_collections.quayside.fargate.plugins.plugin_utils.errors import StackError

REQUEST_LIMIT = 51_200  # bytes
_OBJECT_LIMIT = 1_000_000  # bytes


@dataclass(frozen=True)
class File:
    """A local file, and its key in the bucket, which is named by its content."""

    path: Path
    key: str

    @classmethod
    def of(cls, parameter: str, path: Path) -> File:
        """Read the file of a parameter; raises StackError if it can't be read."""
        try:
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
        except OSError as error:
            raise StackError(
                f"The file {path} of parameter {parameter} can't be read: {error.strerror}. Mend "
                "option files, or make the file."
            ) from error
        return cls(path, f"files/{digest}/{path.name}")


def upload(client: Any, bucket: str, files: Mapping[str, File]) -> None:
    """Put files into a bucket, but for those that are there.

    Args:
        client: botocore's client for S3.
        bucket: the bucket's name.
        files: by the parameter that names each.

    Raises: StackError if the bucket can't be written to.
    """
    for file in files.values():
        where = {"Bucket": bucket, "Key": file.key}
        if not _is_there(client, where):
            _put(client, where, file.path.read_bytes(), file.path.name)


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
        _put(client, where, body, "the template")
    try:
        yield f"{client.meta.endpoint_url}/{bucket}/{where['Key']}"
    finally:
        if not there and not keep:
            with contextlib.suppress(*aws.AwsError):
                client.delete_object(**where)


def _put(client: Any, where: Mapping[str, str], body: bytes, what: str) -> None:
    try:
        client.put_object(**where, Body=body)
    except aws.AwsError as error:
        doing = f"Uploading {what} to bucket {where['Bucket']}"
        raise StackError(aws.explain(error, doing)) from error


def _is_there(client: Any, where: dict[str, str]) -> bool:
    try:
        client.head_object(**where)
    except aws.AwsError:  # not there, or not to be seen: then the upload says why
        return False
    return True
