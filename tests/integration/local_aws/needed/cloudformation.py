"""Probes of CloudFormation."""

from __future__ import annotations

import json

from tests.integration.local_aws.needed.functions import create_function
from tests.integration.local_aws.needed.probing import (
    Aws,
    at_rest,
    change_set,
    deploy,
    log_group,
    outputs,
    refused,
    shows,
)
from tests.integration.local_aws.support import TRUST, eventually

TOPIC = {"Type": "AWS::SNS::Topic"}


@shows("cloudformation.change_sets")
def a_change_set_of_outputs_alone_can_be_executed(aws: Aws) -> bool:
    resources = {"Topic": TOPIC}
    deploy(aws, "outputs-alone", resources, Outputs={"Word": {"Value": "before"}})
    made = change_set(aws, "outputs-alone", resources, Outputs={"Word": {"Value": "after"}})
    return bool(made["ExecutionStatus"] == "AVAILABLE")


@shows("cloudformation.exports")
def an_export_in_use_can_not_change(aws: Aws) -> bool:
    def exporting(value: str) -> str:
        return deploy(
            aws,
            "exporter",
            {"Topic": TOPIC},
            Outputs={"Word": {"Value": value, "Export": {"Name": "the-word"}}},
        )

    exporting("before")
    imported = {
        "Type": "AWS::SSM::Parameter",
        "Properties": {"Type": "String", "Value": {"Fn::ImportValue": "the-word"}},
    }
    deploy(aws, "importer", {"Parameter": imported})
    return exporting("after") == "UPDATE_ROLLBACK_COMPLETE"


@shows("cloudformation.journal")
def describe_events_tells_the_events_of_a_stack(aws: Aws) -> bool:
    deploy(aws, "journal", {"Topic": TOPIC})
    told = aws.client("cloudformation").describe_events(StackName="journal")["OperationEvents"]
    return any(event.get("LogicalResourceId") == "Topic" for event in told)


@shows("cloudformation.network_types")
def a_vpc_has_an_attribute_of_its_addresses(aws: Aws) -> bool:
    vpc = {"Type": "AWS::EC2::VPC", "Properties": {"CidrBlock": "10.1.0.0/16"}}
    value = {"Fn::GetAtt": ["Vpc", "CidrBlock"]}
    deploy(aws, "addresses", {"Vpc": vpc}, Outputs={"Cidr": {"Value": value}})
    return outputs(aws, "addresses") == {"Cidr": "10.1.0.0/16"}


@shows("cloudformation.numbers")
def an_unquoted_account_number_arrives_as_a_power_of_ten(aws: Aws) -> bool:
    properties = {"Name": "/number", "Type": "String", "Value": 123456789012}
    parameter = {"Type": "AWS::SSM::Parameter", "Properties": properties}
    deploy(aws, "number", {"Parameter": parameter})
    found = aws.client("ssm").get_parameter(Name="/number")["Parameter"]["Value"]
    return bool(found == "1.23456789012E11")


@shows("cloudformation.property_values")
def a_change_set_tells_property_values(aws: Aws) -> bool:
    deploy(aws, "values", {"Group": log_group("/values", RetentionInDays=7)})
    made = change_set(aws, "values", {"Group": log_group("/values", RetentionInDays=14)})
    (change,) = made["Changes"]
    return "BeforeContext" in change["ResourceChange"]


@shows("cloudformation.refusals")
def the_change_set_of_a_stack_that_is_not_there_is_no_valid_question(aws: Aws) -> bool:
    describe = aws.client("cloudformation").describe_change_set
    code = refused(lambda: describe(StackName="nowhere", ChangeSetName="nothing"))
    return code == "ValidationError"


@shows("cloudformation.service_roles")
def a_role_that_is_not_there_is_refused(aws: Aws) -> bool:
    create = aws.client("cloudformation").create_stack
    body = json.dumps({"Resources": {"Topic": TOPIC}})
    role = "arn:aws:iam::000000000000:role/nobody"
    return bool(refused(lambda: create(StackName="roled", TemplateBody=body, RoleARN=role)))


@shows("cloudformation.change_sets")
def two_change_sets_that_create_a_stack_are_about_one_stack(aws: Aws) -> bool:
    made = [change_set(aws, "shell", {"Topic": TOPIC}, kind="CREATE") for _ in range(2)]
    return bool(made[0]["StackId"] == made[1]["StackId"])


@shows("cloudformation.taken_names")
def a_name_that_is_taken_is_not_taken_over(aws: Aws) -> bool:
    aws.client("logs").create_log_group(logGroupName="/taken")
    return deploy(aws, "taking", {"Group": log_group("/taken")}).startswith("ROLLBACK")


@shows("cloudformation.templates")
def a_reference_to_nothing_is_refused(aws: Aws) -> bool:
    create = aws.client("cloudformation").create_stack
    topic = {**TOPIC, "Properties": {"DisplayName": {"Ref": "Nothing"}}}
    body = json.dumps({"Resources": {"Topic": topic}})
    return refused(lambda: create(StackName="dangling", TemplateBody=body)) == "ValidationError"


@shows("cloudformation.types")
def a_template_may_have_the_policy_of_a_role(aws: Aws) -> bool:
    role = {
        "Type": "AWS::IAM::Role",
        "Properties": {"AssumeRolePolicyDocument": json.loads(TRUST)},
    }
    statement = {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": "*"}
    policy = {
        "Type": "AWS::IAM::RolePolicy",
        "Properties": {
            "RoleName": {"Ref": "Role"},
            "PolicyName": "one",
            "PolicyDocument": {"Version": "2012-10-17", "Statement": [statement]},
        },
    }
    return deploy(aws, "policies", {"Role": role, "Policy": policy}) == "CREATE_COMPLETE"


@shows("cloudformation.updates")
def what_does_not_change_has_no_events(aws: Aws) -> bool:
    same, other = log_group("/same"), log_group("/other", RetentionInDays=7)
    deploy(aws, "events", {"Same": same, "Other": other})
    deploy(aws, "events", {"Same": same, "Other": log_group("/other", RetentionInDays=14)})
    told = aws.client("cloudformation").describe_stack_events(StackName="events")["StackEvents"]
    updated = {e["LogicalResourceId"] for e in told if e["ResourceStatus"].startswith("UPDATE")}
    return updated == {"Other", "events"}


@shows("cloudformation.validation")
def a_change_set_with_a_property_that_there_is_not_fails(aws: Aws) -> bool:
    made = change_set(aws, "wrong", {"Group": log_group(Colour="green")}, kind="CREATE")
    return bool(made["Status"] == "FAILED")


ANSWERS = """
import json, urllib.request

def handler(event, context):
    print(event["RequestType"], event["ResponseURL"])
    answer = {name: event[name] for name in ("StackId", "RequestId", "LogicalResourceId")}
    answer |= {"PhysicalResourceId": "made", "Status": "SUCCESS", "Reason": "none"}
    if event["RequestType"] == event["ResourceProperties"]["Failing"]:
        answer |= {"Status": "FAILED", "Reason": "half made"}
    body = json.dumps(answer).encode()
    request = urllib.request.Request(event["ResponseURL"], body, {"Content-Type": ""}, method="PUT")
    urllib.request.urlopen(request).close()
"""


@shows("cloudformation.custom_resources", "cloudformation.leftovers")
def a_custom_resource_that_failed_is_deleted_and_quoted(aws: Aws) -> bool:
    arn = create_function(aws, "half-made", ANSWERS)
    properties = {"ServiceToken": arn, "Failing": "Create"}
    custom = {"Type": "Custom::Half", "Properties": properties}
    deploy(aws, "half", {"Half": custom})
    told = aws.client("cloudformation").describe_stack_events(StackName="half")["StackEvents"]
    reasons = [event.get("ResourceStatusReason", "") for event in told]
    quoted = "Received response status [FAILED] from custom resource. Message returned: half made"
    if not any(reason.startswith(quoted) for reason in reasons):
        return False
    logs = aws.client("logs")

    def printed() -> str:
        events = logs.filter_log_events(logGroupName="/aws/lambda/half-made")["events"]
        return " ".join(event["message"] for event in events)

    return bool(eventually(lambda: "Delete https://" in printed()))


@shows("cloudformation.leftovers")
def what_a_resource_needs_that_can_not_be_deleted_stays(aws: Aws) -> bool:
    arn = create_function(aws, "staying", ANSWERS)
    custom = {
        "Type": "Custom::Staying",
        "DependsOn": "Topic",
        "Properties": {"ServiceToken": arn, "Failing": "Delete"},
    }
    topic = {**TOPIC, "Properties": {"TopicName": "needed-by-another"}}
    deploy(aws, "undeletable", {"Staying": custom, "Topic": topic})
    aws.client("cloudformation").delete_stack(StackName="undeletable")
    assert at_rest(aws, "undeletable") == "DELETE_FAILED"
    topics = aws.client("sns").list_topics()["Topics"]
    return any(each["TopicArn"].endswith(":needed-by-another") for each in topics)
