"""What CloudFormation refuses before it touches anything, and how it says so."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local_aws.control import LocalAws
from tests.integration.local_aws.support import ROLE, TRUST, Stacks

PROPERTIES = "AWS::EarlyValidation::PropertyValidation"
NAMES = "AWS::EarlyValidation::ResourceExistenceCheck"
PARAMETER = {"Type": "String", "Value": "1"}


def one(kind: str, /, **properties: Any) -> dict[str, Any]:
    return {"Resources": {"Thing": {"Type": kind, "Properties": properties}}}


def failed_events(stacks: Stacks, change_set: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = stacks.cloudformation.describe_events(
        ChangeSetName=change_set["ChangeSetId"], Filters={"FailedEvents": True}
    )["OperationEvents"]
    return found


@pytest.mark.parametrize(
    ("template", "path", "reason"),
    [
        (
            one("AWS::SSM::Parameter", Name="/v/1", Type="String"),
            "",
            "Required property [Value] not found",
        ),
        (
            one("AWS::SSM::Parameter", Name="/v/1", Colour="red", **PARAMETER),
            "/Colour",
            "Unsupported property [Colour]",
        ),
        (
            one("AWS::SSM::Parameter", Name="/v/1", Value="1", Type="Text"),
            "/Type",
            "Text is not a valid enum value. Supported values: [String, StringList]",
        ),
        (
            one("AWS::Logs::LogGroup", LogGroupName="with space"),
            "/LogGroupName",
            "Value [with space] does not match pattern [^[.\\-_/#A-Za-z0-9]{1,512}\\Z]",
        ),
        (
            one("AWS::ECS::Service", LoadBalancers=[{"ContainerPort": 1, "Port": 2}]),
            "/LoadBalancers/0/Port",
            "Unsupported property [Port]",
        ),
        (
            one("AWS::ECS::Service", LoadBalancers="none"),
            "/LoadBalancers",
            "Property [LoadBalancers] expected type: JSONArray, found: String",
        ),
    ],
    ids=["required", "unknown", "enum", "pattern", "nested", "type"],
)
def test_properties_against_their_schema_fail_the_change_set(
    stacks: Stacks, template: dict[str, Any], path: str, reason: str
) -> None:
    failed = stacks.change_set("invalid", template)
    assert (failed["Status"], failed["ExecutionStatus"]) == ("FAILED", "UNAVAILABLE")
    assert failed["StatusReason"] == (
        f"The following hook(s)/validation failed: [{PROPERTIES}]. To troubleshoot Early "
        "Validation errors, use the DescribeEvents API for detailed failure information."
    )
    [event] = failed_events(stacks, failed)
    assert event["EventType"] == "VALIDATION_ERROR"
    assert event["OperationType"] == "CREATE_CHANGESET"
    assert event["LogicalResourceId"] == "Thing"
    assert event["ValidationName"] == "PROPERTY_VALIDATION"
    assert (event["ValidationStatus"], event["ValidationFailureMode"]) == ("FAILED", "FAIL")
    assert event["ValidationPath"] == f"/Resources/Thing/Properties{path}"
    assert event["ValidationStatusReason"] == reason


def test_what_only_deployment_can_tell_is_left_alone(stacks: Stacks) -> None:
    template = one("AWS::SSM::Parameter", Name={"Ref": "Named"}, Type="String", Value="1")
    template["Resources"]["Named"] = {"Type": "AWS::SNS::Topic"}
    assert stacks.change_set("later", template)["Status"] == "CREATE_COMPLETE"


def test_a_name_that_is_taken_fails_the_change_set(aws: LocalAws, stacks: Stacks) -> None:
    aws.client("logs").create_log_group(logGroupName="/taken")
    failed = stacks.change_set("taken", one("AWS::Logs::LogGroup", LogGroupName="/taken"))
    assert f"[{NAMES}]" in failed["StatusReason"]
    [event] = failed_events(stacks, failed)
    assert event["ValidationName"] == "NAME_CONFLICT_VALIDATION"
    assert event["ValidationStatusReason"] == (
        "Resource of type 'AWS::Logs::LogGroup' with identifier '/taken' already exists."
    )


def test_a_stack_keeps_its_own_names(stacks: Stacks) -> None:
    template = one("AWS::Logs::LogGroup", LogGroupName="/own", RetentionInDays=1)
    stacks.execute(stacks.change_set("own", template))
    template["Resources"]["Thing"]["Properties"]["RetentionInDays"] = 3
    stacks.execute(stacks.change_set("own", template))
    template["Resources"]["Other"] = template["Resources"].pop("Thing")
    assert stacks.change_set("own", template)["Status"] == "FAILED"


NAMED: dict[str, dict[str, Any]] = {
    "AWS::CloudWatch::Alarm": {
        "AlarmName": "name",
        "ComparisonOperator": "GreaterThanThreshold",
        "EvaluationPeriods": 1,
        "MetricName": "m",
        "Namespace": "n",
        "Period": 60,
        "Statistic": "Sum",
        "Threshold": 1,
    },
    "AWS::DynamoDB::Table": {
        "TableName": "name",
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": "a", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "a", "KeyType": "HASH"}],
    },
    "AWS::ECR::Repository": {"RepositoryName": "name"},
    "AWS::ECS::Cluster": {"ClusterName": "name"},
    "AWS::ElasticLoadBalancingV2::LoadBalancer": {"Name": "name", "Subnets": ["a", "b"]},
    "AWS::ElasticLoadBalancingV2::TargetGroup": {"Name": "name", "Port": 80, "Protocol": "HTTP"},
    "AWS::Events::Rule": {"Name": "name", "ScheduleExpression": "rate(1 day)"},
    "AWS::IAM::Role": {"RoleName": "name", **ROLE["Properties"]},
    "AWS::KMS::Alias": {"AliasName": "alias/name", "TargetKeyId": "key"},
    "AWS::Logs::LogGroup": {"LogGroupName": "name"},
    "AWS::S3::Bucket": {"BucketName": "quayside-name"},
    "AWS::SNS::Topic": {"TopicName": "name"},
    "AWS::SQS::Queue": {"QueueName": "name"},
    "AWS::SSM::Parameter": {"Name": "name", **PARAMETER},
    "AWS::SecretsManager::Secret": {"Name": "name"},
}


@pytest.mark.parametrize("kind", NAMED)
def test_a_second_resource_of_a_name_is_refused(aws: LocalAws, stacks: Stacks, kind: str) -> None:
    properties = NAMED[kind]
    if kind == "AWS::KMS::Alias":
        key = aws.client("kms").create_key()["KeyMetadata"]["KeyId"]
        properties = properties | {"TargetKeyId": key}
    stacks.deploy("names-first", one(kind, **properties))
    with pytest.raises(AssertionError, match="already exists"):
        stacks.deploy("names-second", one(kind, **properties))


def test_a_name_that_is_taken_since_the_change_set_was_made_is_refused_by_the_handler(
    aws: LocalAws, stacks: Stacks
) -> None:
    made = stacks.change_set("late", one("AWS::Logs::LogGroup", LogGroupName="/late"))
    aws.client("logs").create_log_group(logGroupName="/late")
    with pytest.raises(AssertionError, match=r"already exists.*HandlerErrorCode: AlreadyExists"):
        stacks.execute(made)
    stacks.delete("late")
    assert aws.client("logs").describe_log_groups(logGroupNamePrefix="/late")["logGroups"]


@pytest.mark.parametrize(
    ("template", "message"),
    [
        (
            one("AWS::SSM::Parameter", Value={"Ref": "Nobody"}, Type="String"),
            r"Unresolved resource dependencies \[Nobody\] in the Resources block",
        ),
        (
            one("AWS::SSM::Parameter", Value={"Fn::GetAtt": ["Nobody", "Arn"]}, Type="String"),
            r"Unresolved resource dependencies \[Nobody\] in the Resources block",
        ),
        (
            one("AWS::SSM::Parameter", Value={"Fn::Sub": "${Nobody.Arn}"}, Type="String"),
            r"Unresolved resource dependencies \[Nobody\] in the Resources block",
        ),
        (
            {"Resources": {"Thing": {"Type": "AWS::SNS::Topic", "DependsOn": ["Nobody"]}}},
            r"Unresolved resource dependencies \[Nobody\] in the Resources block",
        ),
        (
            one("AWS::SNS::Topic") | {"Outputs": {"Name": {"Value": {"Ref": "Nobody"}}}},
            r"Unresolved resource dependencies \[Nobody\] in the Outputs block",
        ),
    ],
    ids=["ref", "getatt", "sub", "depends-on", "output"],
)
def test_a_reference_to_nothing_is_refused(
    stacks: Stacks, template: dict[str, Any], message: str
) -> None:
    with pytest.raises(ClientError, match=message):
        stacks.change_set("dangling", template)
    with pytest.raises(ClientError, match=message):
        stacks.deploy("dangling", template)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"Principal": {}}, "Missing required field Principal"),
        ({"Action": ""}, "Missing required field Action"),
        ({"Effect": ""}, "Missing required field Effect"),
        ({"Resource": "*"}, "Has prohibited field Resource"),
    ],
)
def test_a_trust_policy_that_is_none_is_refused_by_api_and_template(
    aws: LocalAws, stacks: Stacks, change: dict[str, Any], reason: str
) -> None:
    policy = json.loads(TRUST)
    policy["Statement"][0] |= change
    iam = aws.client("iam")
    with pytest.raises(ClientError, match=f"MalformedPolicyDocument.*{reason}"):
        iam.create_role(RoleName="malformed", AssumeRolePolicyDocument=json.dumps(policy))
    with pytest.raises(AssertionError, match=reason):
        stacks.deploy("malformed", one("AWS::IAM::Role", AssumeRolePolicyDocument=policy))


@pytest.mark.parametrize("policy", ["{}", "nothing", '{"Statement": []}'])
def test_a_trust_policy_without_a_statement_is_refused(aws: LocalAws, policy: str) -> None:
    with pytest.raises(ClientError, match="MalformedPolicyDocument"):
        aws.client("iam").create_role(RoleName="empty", AssumeRolePolicyDocument=policy)


def test_a_change_set_is_named_with_its_stack_or_by_its_arn(stacks: Stacks) -> None:
    made = stacks.change_set("asked", one("AWS::SNS::Topic"))
    ask = stacks.cloudformation.describe_events
    assert ask(ChangeSetName=made["ChangeSetName"], StackName="asked")["OperationEvents"] == []
    with pytest.raises(ClientError, match="One of ChangeSetName, OperationId or StackName"):
        ask(ChangeSetName=made["ChangeSetName"])


def test_events_belong_to_operations(aws: LocalAws, stacks: Stacks) -> None:
    aws.fail("operations", "Thing", reason="No luck")
    with pytest.raises(AssertionError, match="No luck"):
        stacks.deploy("operations", one("AWS::SNS::Topic"))
    stack = stacks.cloudformation.describe_stacks(StackName="operations")["Stacks"][0]
    assert [each["OperationType"] for each in stack["LastOperations"]] == [
        "ROLLBACK",
        "CREATE_STACK",
    ]
    creation = stack["LastOperations"][1]["OperationId"]
    failed = stacks.cloudformation.describe_events(
        OperationId=creation, Filters={"FailedEvents": True}
    )["OperationEvents"]
    assert [(each["LogicalResourceId"], each["ResourceStatusReason"]) for each in failed] == [
        ("Thing", "No luck")
    ]
    events = stacks.cloudformation.describe_stack_events(StackName="operations")["StackEvents"]
    assert {each["OperationId"] for each in events} == {
        each["OperationId"] for each in stack["LastOperations"]
    }
    assert any("PhysicalResourceId" not in each for each in events)
