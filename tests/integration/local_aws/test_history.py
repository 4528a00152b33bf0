"""CloudTrail's event history tells who changed which stack."""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from local_aws.control import LocalAws
from tests.integration.local_aws.support import Stacks

TEMPLATE: dict[str, Any] = {"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}
ROLE = "deploys"


@pytest.fixture(scope="module")
def session(aws: LocalAws) -> Any:
    """CloudFormation as a session of a role asks it."""
    iam = aws.client("iam")
    trust = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
    arn = iam.create_role(
        RoleName=ROLE,
        AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]}),
    )["Role"]["Arn"]
    allow = {"Effect": "Allow", "Action": ["cloudformation:*", "sns:*"], "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
    iam.put_role_policy(RoleName=ROLE, PolicyName="policy", PolicyDocument=policy)
    made = aws.client("sts").assume_role(RoleArn=arn, RoleSessionName="pipeline-7")["Credentials"]
    return boto3.client(
        "cloudformation",
        endpoint_url=aws.environment["AWS_ENDPOINT_URL"],
        region_name=aws.region,
        aws_access_key_id=made["AccessKeyId"],
        aws_secret_access_key=made["SecretAccessKey"],
        aws_session_token=made["SessionToken"],
    )


@pytest.fixture(scope="module")
def executed(aws: LocalAws, session: Any) -> Iterator[str]:
    """A stack whose change set the role's session executed."""
    request = {"StackName": "told", "ChangeSetName": "first", "ChangeSetType": "CREATE"}
    session.create_change_set(**request, TemplateBody=json.dumps(TEMPLATE))
    session.execute_change_set(StackName="told", ChangeSetName="first")
    session.get_waiter("stack_create_complete").wait(
        StackName="told", WaiterConfig={"Delay": 0.1, "MaxAttempts": 200}
    )
    yield "told"
    aws.client("cloudformation").delete_stack(StackName="told")


def lookup(aws: LocalAws, key: str = "", value: str = "", **more: Any) -> dict[str, Any]:
    attributes = [{"AttributeKey": key, "AttributeValue": value}] if key else []
    answer: dict[str, Any] = aws.client("cloudtrail").lookup_events(
        LookupAttributes=attributes, **more
    )
    return answer


def about(aws: LocalAws, event_name: str, stack: str) -> list[dict[str, Any]]:
    """Events of a stack: other tests of the area have stacks on the same local AWS."""
    events = lookup(aws, "EventName", event_name)["Events"]
    return [it for it in events if stack in {of["ResourceName"] for of in it["Resources"]}]


def test_a_change_set_that_a_role_executed_names_the_role_and_its_session(
    aws: LocalAws, executed: str
) -> None:
    (event,) = about(aws, "ExecuteChangeSet", executed)
    told = json.loads(event["CloudTrailEvent"])
    assert told["requestParameters"]["stackName"] == executed
    assert told["userIdentity"]["arn"].endswith(f":assumed-role/{ROLE}/pipeline-7")
    assert (event["Username"], event["ReadOnly"]) == ("pipeline-7", "false")


@pytest.mark.usefixtures("executed")
def test_what_only_reads_and_what_was_refused_has_no_event(aws: LocalAws) -> None:
    cloudformation = aws.client("cloudformation")
    cloudformation.describe_stacks()
    with pytest.raises(ClientError):
        cloudformation.create_stack(StackName="told", TemplateBody=json.dumps(TEMPLATE))
    assert lookup(aws, "EventName", "DescribeStacks")["Events"] == []
    assert about(aws, "CreateStack", "told") == []


def test_the_newest_is_first_and_a_token_leads_to_the_next_page(
    aws: LocalAws, stacks: Stacks
) -> None:
    for name in ("one", "two", "three"):
        stacks.deploy(name, TEMPLATE)
    first = lookup(aws, "EventName", "CreateStack", MaxResults=2)
    rest = lookup(aws, "EventName", "CreateStack", MaxResults=2, NextToken=first["NextToken"])
    names = [it["Resources"][0]["ResourceName"] for it in [*first["Events"], *rest["Events"]]]
    assert names[:3] == ["three", "two", "one"]
    with pytest.raises(ClientError, match="InvalidNextTokenException"):
        lookup(aws, "EventName", "UpdateStack", NextToken=first["NextToken"])


def test_more_attributes_than_one_are_refused(aws: LocalAws) -> None:
    attribute = {"AttributeKey": "ReadOnly", "AttributeValue": "false"}
    with pytest.raises(ClientError, match="InvalidLookupAttributesException"):
        aws.client("cloudtrail").lookup_events(LookupAttributes=[attribute, attribute])


@pytest.mark.usefixtures("executed")
def test_events_are_of_the_time_that_is_asked_for(aws: LocalAws) -> None:
    later = datetime.datetime.now(datetime.UTC) + datetime.timedelta(hours=1)
    assert lookup(aws, StartTime=later)["Events"] == []
    assert lookup(aws, EndTime=later)["Events"]
