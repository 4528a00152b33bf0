"""S3's owner condition and bucket policies, and templates and zips by their version."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from local_aws.control import LocalAws
from tests.integration.local_aws.support import ROLE, Stacks

BUCKET = "shop-artifacts"


@pytest.fixture
def s3(aws: LocalAws) -> Iterator[Any]:
    client = aws.client("s3")
    client.create_bucket(
        Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": aws.region}
    )
    client.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    yield client
    for version in client.list_object_versions(Bucket=BUCKET).get("Versions", []):
        client.delete_object(Bucket=BUCKET, Key=version["Key"], VersionId=version["VersionId"])
    client.delete_bucket(Bucket=BUCKET)


def template(value: str) -> bytes:
    handle = {"Type": "AWS::CloudFormation::WaitConditionHandle"}
    outputs = {"Value": {"Value": value}}
    return json.dumps({"Resources": {"Handle": handle}, "Outputs": outputs}).encode()


def test_a_bucket_of_another_account_than_expected_is_refused(aws: LocalAws, s3: Any) -> None:
    where = {"Bucket": BUCKET, "Key": "a", "ExpectedBucketOwner": "999999999999"}
    for operation, more in (
        ("put_object", {"Body": b"x"}),
        ("head_object", {}),
        ("delete_object", {}),
    ):
        with pytest.raises(ClientError, match=r"403|AccessDenied"):
            getattr(s3, operation)(**where, **more)
    s3.put_object(Bucket=BUCKET, Key="a", Body=b"x", ExpectedBucketOwner=aws.account)


def test_a_template_is_taken_by_its_version(aws: LocalAws, s3: Any) -> None:
    versions = [
        s3.put_object(Bucket=BUCKET, Key="t.json", Body=template(value))["VersionId"]
        for value in ("first", "second")
    ]
    cloudformation = aws.client("cloudformation")
    url = f"{aws.environment['AWS_ENDPOINT_URL']}/{BUCKET}/t.json"
    name = "by-version"
    cloudformation.create_stack(StackName=name, TemplateURL=f"{url}?versionId={versions[0]}")
    cloudformation.get_waiter("stack_create_complete").wait(
        StackName=name, WaiterConfig={"Delay": 0.1}
    )
    outputs = cloudformation.describe_stacks(StackName=name)["Stacks"][0]["Outputs"]
    assert [output["OutputValue"] for output in outputs] == ["first"]
    cloudformation.delete_stack(StackName=name)
    with pytest.raises(ClientError, match="version does not exist"):
        cloudformation.create_stack(StackName="other", TemplateURL=f"{url}?versionId=nonsense")


@pytest.mark.usefixtures("s3")
def test_a_function_without_its_zip_is_not_created(
    aws: LocalAws, stacks: Stacks, host_runtime: str
) -> None:
    properties = {
        "Handler": "app.handler",
        "Runtime": host_runtime,
        "Role": {"Fn::GetAtt": ["Role", "Arn"]},
        "Code": {"S3Bucket": BUCKET, "S3Key": "app.zip"},
    }
    function = {"Type": "AWS::Lambda::Function", "Properties": properties}
    document = {"Resources": {"Role": ROLE, "Function": function}}
    with pytest.raises(AssertionError, match=r"NoSuchKey\. S3 Error Message: The specified key"):
        stacks.deploy("no-zip", document)


def test_a_bucket_policy_against_http_and_other_accounts_lets_the_own_ones_in(
    aws: LocalAws, s3: Any
) -> None:
    iam = aws.client("iam")
    iam.create_user(UserName="objects-reader")
    allow = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
    iam.put_user_policy(UserName="objects-reader", PolicyName="read", PolicyDocument=document)
    key = iam.create_access_key(UserName="objects-reader")["AccessKey"]
    reader = boto3.client(
        "s3",
        endpoint_url=aws.environment["AWS_ENDPOINT_URL"],
        region_name=aws.region,
        aws_access_key_id=key["AccessKeyId"],
        aws_secret_access_key=key["SecretAccessKey"],
    )

    def deny(condition: dict[str, Any]) -> None:
        resources = [f"arn:aws:s3:::{BUCKET}", f"arn:aws:s3:::{BUCKET}/*"]
        statement = {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": resources}
        policy = {"Version": "2012-10-17", "Statement": [{**statement, "Condition": condition}]}
        s3.put_bucket_policy(Bucket=BUCKET, Policy=json.dumps(policy))

    deny({"Bool": {"aws:SecureTransport": "false"}})
    reader.put_object(Bucket=BUCKET, Key="a", Body=b"x")
    others = {"BoolIfExists": {"aws:PrincipalIsAWSService": "false"}}
    deny({**others, "StringNotEquals": {"aws:PrincipalAccount": aws.account}})
    reader.put_object(Bucket=BUCKET, Key="a", Body=b"x")
    deny({**others, "StringNotEquals": {"aws:PrincipalAccount": "999999999999"}})
    with pytest.raises(ClientError, match="AccessDenied"):
        reader.put_object(Bucket=BUCKET, Key="a", Body=b"x")
    s3.delete_bucket_policy(Bucket=BUCKET)
