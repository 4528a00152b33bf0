"""What goes through S3: local files, and templates larger than a request may carry.

A key that anybody can compute proves nothing about what lies there. So an object counts as ours by
its SHA-256 alone, which S3 itself keeps, and is used by its version, which nobody can write again;
and every call names the account that must own the bucket.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity.html
https://docs.aws.amazon.com/AmazonS3/latest/userguide/versioning-workflows.html
https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-owner-condition.html
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import urllib.parse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible_collections.quayside.fargate.plugins.plugin_utils import aws, parent
from ansible_collections.quayside.fargate.plugins.plugin_utils.errors import StackError

REQUEST_LIMIT = 51_200  # bytes
_OBJECT_LIMIT = 1_000_000  # bytes
_UNVERSIONED = (None, "null")  # a bucket without versioning; one where it is suspended
# S3 keeps versions whose ids nobody can foresee: this stands for one in check mode.
PLANNED = "to-be-uploaded"


@dataclass(frozen=True)
class Artifact:
    """What is put into a bucket: its content, its key there, and what it is called in messages."""

    content: bytes
    key: str
    what: str

    @classmethod
    def file(cls, stack: str, parameter: str, path: Path) -> Artifact:
        """Read the file of a stack's parameter; raises StackError if it can't be read."""
        try:
            content = path.read_bytes()
        except OSError as error:
            raise StackError(
                f"The file {path} of parameter {parameter} can't be read: {error.strerror}. Mend "
                "option files, or make the file."
            ) from error
        digest = hashlib.sha256(content).hexdigest()
        return cls(content, f"stacks/{stack}/files/{digest}/{path.name}", path.name)

    @classmethod
    def template(cls, stack: str, text: str) -> Artifact:
        """Return the template of a stack."""
        content = text.encode()
        digest = hashlib.sha256(content).hexdigest()
        return cls(content, f"stacks/{stack}/templates/{digest}.yml", "the template")

    @property
    def checksum(self) -> str:
        """Its SHA-256 in Base64, as S3 and Lambda write it."""
        return base64.b64encode(hashlib.sha256(self.content).digest()).decode()


class Bucket:
    """A bucket that keeps versions.

    Args:
        client: botocore's client for S3.
        name: the bucket's name.
        owner: the account that must own it.
    """

    def __init__(self, client: Any, name: str, owner: str) -> None:
        self._client = client
        self._name = name
        self._owner = owner

    def version(self, artifact: Artifact) -> str | None:
        """Return the version under the artifact's key, None if there is none of that content."""
        try:
            head = self._client.head_object(**self._address(artifact), ChecksumMode="ENABLED")
        except aws.AwsError:  # not there, or not to be seen: then the upload says why
            return None
        version = head.get("VersionId")
        same = head.get("ChecksumSHA256") == artifact.checksum
        return str(version) if same and version not in _UNVERSIONED else None

    def stored(self, artifact: Artifact) -> str:
        """Put an artifact into the bucket, unless it is there, and return its version.

        Raises: StackError if the bucket can't be written to, or keeps no versions.
        """
        return self.version(artifact) or self._put(artifact)

    @contextlib.contextmanager
    def lent(self, artifact: Artifact, *, keep: bool) -> Iterator[str]:
        """Put an artifact into the bucket, and yield the URL of this very version.

        Args:
            artifact: what to put there.
            keep: whether it stays there afterwards; what was there before always stays.

        Raises: StackError if the bucket can't be written to, or keeps no versions.
        """
        there = self.version(artifact)
        version = there or self._put(artifact)
        try:
            query = urllib.parse.urlencode({"versionId": version})
            yield f"{self._client.meta.endpoint_url}/{self._name}/{artifact.key}?{query}"
        finally:
            if not there and not keep:
                with contextlib.suppress(*aws.AwsError), parent.tidying():
                    self._client.delete_object(**self._address(artifact), VersionId=version)

    def _put(self, artifact: Artifact) -> str:
        try:
            answer = self._client.put_object(
                **self._address(artifact), Body=artifact.content, ChecksumSHA256=artifact.checksum
            )
        except aws.AwsError as error:
            doing = f"Uploading {artifact.what} to bucket {self._name} of account {self._owner}"
            raise StackError(aws.explain(error, doing)) from error
        version = answer.get("VersionId")
        if version in _UNVERSIONED:
            raise StackError(
                f"Bucket {self._name} keeps no versions, so that what is uploaded could be "
                "exchanged before it is used. Deploy the support stack again, or run: aws s3api "
                f"put-bucket-versioning --bucket {self._name} --versioning-configuration "
                "Status=Enabled."
            )
        return str(version)

    def _address(self, artifact: Artifact) -> dict[str, str]:
        return {"Bucket": self._name, "Key": artifact.key, "ExpectedBucketOwner": self._owner}


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
