"""The local AWS writes down who called what, and lets nobody pass a role who may not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from local_aws.control import Call, LocalAws

TEMPLATE = json.dumps({"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}})
POLICY = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Action": "cloudformation:*", "Resource": "*"},
        {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::called/*"},
        {
            "Effect": "Allow",
            "Action": "iam:PassRole",
            "Resource": "arn:aws:iam::*:role/mine/*",
            "Condition": {"StringEquals": {"iam:PassedToService": "cloudformation.amazonaws.com"}},
        },
    ],
}


class Caller:
    """An IAM user with POLICY."""

    def __init__(self, aws: LocalAws) -> None:
        iam = aws.client("iam")
        self.arn = iam.create_user(UserName="caller")["User"]["Arn"]
        iam.put_user_policy(
            UserName="caller", PolicyName="policy", PolicyDocument=json.dumps(POLICY)
        )
        self._key = iam.create_access_key(UserName="caller")["AccessKey"]
        self._aws = aws

    def client(self, service: str) -> Any:
        return boto3.client(
            service,
            endpoint_url=self._aws.environment["AWS_ENDPOINT_URL"],
            region_name=self._aws.region,
            aws_access_key_id=self._key["AccessKeyId"],
            aws_secret_access_key=self._key["SecretAccessKey"],
        )

    def calls(self) -> list[Call]:
        return [call for call in self._aws.calls() if call.principal == self.arn]


@pytest.fixture(scope="module")
def caller(aws: LocalAws) -> Iterator[Caller]:
    made = Caller(aws)
    s3 = aws.client("s3")
    s3.create_bucket(Bucket="called", CreateBucketConfiguration={"LocationConstraint": aws.region})
    s3.put_object(Bucket="called", Key="key", Body=b"text")
    yield made
    s3.delete_object(Bucket="called", Key="key")
    s3.delete_bucket(Bucket="called")


@pytest.fixture(scope="module")
def roles(aws: LocalAws) -> dict[str, str]:
    """ARNs of a role that the caller may pass, and of one that it may not."""
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "cloudformation.amazonaws.com"},
                "Action": "sts:AssumeRole",
            }
        ],
    }
    return {
        whose: aws.client("iam").create_role(
            RoleName=f"role-{whose}", Path=f"/{whose}/", AssumeRolePolicyDocument=json.dumps(trust)
        )["Role"]["Arn"]
        for whose in ("mine", "foreign")
    }


def test_a_call_has_its_principal_iams_action_and_what_iam_said(caller: Caller) -> None:
    s3 = caller.client("s3")
    s3.head_object(Bucket="called", Key="key")
    with pytest.raises(ClientError):
        s3.list_objects_v2(Bucket="called")
    assert caller.calls()[-2:] == [
        Call(caller.arn, "s3:GetObject", "arn:aws:s3:::called/key", ""),
        Call(caller.arn, "s3:ListBucket", "arn:aws:s3:::called", "AccessDenied"),
    ]


def test_who_may_pass_a_role_gives_it_to_a_stack(caller: Caller, roles: dict[str, str]) -> None:
    cloudformation = caller.client("cloudformation")
    cloudformation.create_stack(StackName="passed", TemplateBody=TEMPLATE, RoleARN=roles["mine"])
    cloudformation.get_waiter("stack_create_complete").wait(
        StackName="passed", WaiterConfig={"Delay": 0.1}
    )
    assert Call(caller.arn, "iam:PassRole", roles["mine"], "") in caller.calls()
    cloudformation.delete_stack(StackName="passed")


@pytest.mark.parametrize("operation", ["create_stack", "create_change_set"])
def test_who_may_not_pass_a_role_is_refused(
    caller: Caller, roles: dict[str, str], operation: str
) -> None:
    request = {"StackName": "refused", "TemplateBody": TEMPLATE, "RoleARN": roles["foreign"]}
    if operation == "create_change_set":
        request |= {"ChangeSetName": "refused", "ChangeSetType": "CREATE"}
    with pytest.raises(ClientError, match=f"iam:PassRole on resource: {roles['foreign']}"):
        getattr(caller.client("cloudformation"), operation)(**request)
    assert Call(caller.arn, "iam:PassRole", roles["foreign"], "AccessDenied") in caller.calls()
