"""Every call to S3 names the bucket's owner; what is there counts by its checksum alone."""

from __future__ import annotations

from typing import Any

import botocore.session
import pytest
from botocore.stub import Stubber

from ansible_collections.quayside.fargate.plugins.plugin_utils.artifacts import Artifact, Bucket
from ansible_collections.quayside.fargate.plugins.plugin_utils.errors import StackError

ACCOUNT = "123456789012"
TEMPLATE = Artifact.template("shop-service-orders", "Resources: {}")
WHERE = {"Bucket": "artifacts", "Key": TEMPLATE.key, "ExpectedBucketOwner": ACCOUNT}
HEAD = {**WHERE, "ChecksumMode": "ENABLED"}
PUT = {**WHERE, "Body": TEMPLATE.content, "ChecksumSHA256": TEMPLATE.checksum}


@pytest.fixture
def s3() -> Any:
    return botocore.session.Session().create_client(
        "s3", region_name="eu-central-1", aws_access_key_id="a", aws_secret_access_key="b"
    )


@pytest.fixture
def bucket(s3: Any) -> Bucket:
    return Bucket(s3, "artifacts", ACCOUNT)


def test_what_is_there_with_the_same_checksum_is_taken_as_it_is(s3: Any, bucket: Bucket) -> None:
    with Stubber(s3) as stub:
        there = {"ChecksumSHA256": TEMPLATE.checksum, "VersionId": "v1"}
        stub.add_response("head_object", there, HEAD)
        with bucket.lent(TEMPLATE, keep=False) as url:
            assert url.endswith(f"/artifacts/{TEMPLATE.key}?versionId=v1")
        stub.assert_no_pending_responses()


@pytest.mark.parametrize(
    "planted",
    [
        {"ChecksumSHA256": "another", "VersionId": "v1"},
        {"ChecksumSHA256": f"{TEMPLATE.checksum}-1", "VersionId": "v1"},  # of a multipart upload
        {"VersionId": "v1"},
        {"ChecksumSHA256": TEMPLATE.checksum, "VersionId": "null"},
        {"ChecksumSHA256": TEMPLATE.checksum},
    ],
    ids=["other content", "checksum of checksums", "no checksum", "suspended", "unversioned"],
)
def test_anything_else_under_the_key_is_not_used(
    s3: Any, bucket: Bucket, planted: dict[str, str]
) -> None:
    with Stubber(s3) as stub:
        stub.add_response("head_object", planted, HEAD)
        stub.add_response("put_object", {"VersionId": "v2"}, PUT)
        assert bucket.stored(TEMPLATE) == "v2"


def test_what_was_lent_for_a_look_is_taken_away_again_by_its_version(
    s3: Any, bucket: Bucket
) -> None:
    with Stubber(s3) as stub:
        stub.add_client_error("head_object", "404", http_status_code=404)
        stub.add_response("put_object", {"VersionId": "v2+/="}, PUT)
        stub.add_response("delete_object", {}, {**WHERE, "VersionId": "v2+/="})
        with bucket.lent(TEMPLATE, keep=False) as url:
            assert url.endswith("?versionId=v2%2B%2F%3D")
        stub.assert_no_pending_responses()


def test_a_bucket_that_is_not_the_accounts_is_named_with_it(s3: Any, bucket: Bucket) -> None:
    with Stubber(s3) as stub:
        stub.add_client_error("head_object", "403", http_status_code=403)
        stub.add_client_error("put_object", "AccessDenied", "Access Denied", 403)
        with pytest.raises(StackError, match=f"to bucket artifacts of account {ACCOUNT} failed"):
            bucket.stored(TEMPLATE)


@pytest.mark.parametrize("answer", [{}, {"VersionId": "null"}])
def test_a_bucket_without_versions_is_refused(
    s3: Any, bucket: Bucket, answer: dict[str, str]
) -> None:
    with Stubber(s3) as stub:
        stub.add_client_error("head_object", "404", http_status_code=404)
        stub.add_response("put_object", answer, PUT)
        with pytest.raises(StackError, match="keeps no versions"):
            bucket.stored(TEMPLATE)
