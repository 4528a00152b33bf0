"""What AWS refuses, the local AWS refuses: load balancers, stacks, identities."""

from __future__ import annotations

import http.client
import json
import ssl
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from local_aws.control import LocalAws
from tests.integration.local_aws.support import LOAD_BALANCER, TRUST, Stacks, eventually

HOST = [{"Field": "host-header", "HostHeaderConfig": {"Values": ["any.example"]}}]


@pytest.fixture(scope="module")
def listener(aws: LocalAws) -> Iterator[str]:
    stacks = Stacks(aws)
    yield stacks.deploy("refusals-balancer", LOAD_BALANCER)["ListenerArn"]
    stacks.delete("refusals-balancer")


def rule(listener: str, priority: int, **action: Any) -> dict[str, Any]:
    fixed = {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "200"}}
    return {
        "ListenerArn": listener,
        "Priority": priority,
        "Conditions": HOST,
        "Actions": [action or fixed],
    }


def rule_template(listener: str, priority: int, resource: str = "Rule") -> dict[str, Any]:
    return {
        "Resources": {
            resource: {
                "Type": "AWS::ElasticLoadBalancingV2::ListenerRule",
                "Properties": rule(listener, priority),
            }
        }
    }


def test_a_priority_in_use_is_refused_by_api_and_template(
    aws: LocalAws, stacks: Stacks, listener: str
) -> None:
    elbv2 = aws.client("elbv2")
    arn = elbv2.create_rule(**rule(listener, 5))["Rules"][0]["RuleArn"]
    with pytest.raises(ClientError, match="PriorityInUse"):
        elbv2.create_rule(**rule(listener, 5))
    with pytest.raises(AssertionError, match="Priority '5' is currently in use"):
        stacks.deploy("in-use", rule_template(listener, 5))
    stacks.deploy("moved", rule_template(listener, 6))
    with pytest.raises(ClientError, match="PriorityInUse"):
        elbv2.set_rule_priorities(RulePriorities=[{"RuleArn": arn, "Priority": 6}])
    with pytest.raises(AssertionError, match="Priority '5' is currently in use"):
        stacks.deploy("moved", rule_template(listener, 5))
    elbv2.delete_rule(RuleArn=arn)
    stacks.deploy("moved", rule_template(listener, 5))
    stacks.delete("moved")


def test_the_101st_rule_and_target_group_of_a_load_balancer_are_refused(
    aws: LocalAws, listener: str
) -> None:
    elbv2 = aws.client("elbv2")
    groups = [
        elbv2.create_target_group(Name=f"group-{n}", Port=80, Protocol="HTTP", TargetType="ip")[
            "TargetGroups"
        ][0]["TargetGroupArn"]
        for n in range(101)
    ]
    weighted = {
        "Type": "forward",
        "ForwardConfig": {"TargetGroups": [{"TargetGroupArn": arn} for arn in groups[:5]]},
    }
    rules = [elbv2.create_rule(**rule(listener, 1000, **weighted))]
    for number, group in enumerate(groups[5:100], start=1001):
        action = {"Type": "forward", "TargetGroupArn": group}
        rules.append(elbv2.create_rule(**rule(listener, number, **action)))
    last = {"Type": "forward", "TargetGroupArn": groups[100]}
    with pytest.raises(ClientError, match="TooManyUniqueTargetGroupsPerLoadBalancer"):
        elbv2.create_rule(**rule(listener, 2000, **last))
    rules += [elbv2.create_rule(**rule(listener, number)) for number in range(3000, 3004)]
    with pytest.raises(ClientError, match="TooManyRules"):
        elbv2.create_rule(**rule(listener, 4000))
    for made in rules:
        elbv2.delete_rule(RuleArn=made["Rules"][0]["RuleArn"])


def test_a_request_for_an_unknown_host_gets_the_default_action(
    aws: LocalAws, listener: str
) -> None:
    url, headers = aws.url("nobody.example")
    with pytest.raises(urllib.error.HTTPError) as answer:
        urllib.request.urlopen(urllib.request.Request(url, headers=headers))
    assert answer.value.code == 404
    assert listener


def test_the_listener_of_port_443_answers_over_tls_and_that_of_port_80_redirects(
    aws: LocalAws, stacks: Stacks
) -> None:
    template = json.loads(json.dumps(LOAD_BALANCER))
    resources = template["Resources"]
    del resources["Cluster"]
    redirect = {"Protocol": "HTTPS", "Port": "443", "StatusCode": "HTTP_301"}
    resources["Redirect"] = {
        "Type": "AWS::ElasticLoadBalancingV2::Listener",
        "Properties": {
            "LoadBalancerArn": {"Ref": "Balancer"},
            "Port": 80,
            "Protocol": "HTTP",
            "DefaultActions": [{"Type": "redirect", "RedirectConfig": redirect}],
        },
    }
    resources["Listener"]["Properties"] |= {
        "Port": 443,
        "Protocol": "HTTPS",
        "Certificates": [{"CertificateArn": "arn:aws:acm:::certificate/1"}],
    }
    listener = stacks.deploy("tls", template)["ListenerArn"]
    secure = rule(listener, 1) | {
        "Conditions": [{"Field": "host-header", "HostHeaderConfig": {"Values": ["tls.example"]}}]
    }
    aws.client("elbv2").create_rule(**secure)
    url, headers = aws.url("tls.example", "/", scheme="https")
    trust = ssl.create_default_context(cafile=str(aws.ca_bundle))
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers), context=trust) as ok:
        assert ok.status == 200
    plain, headers = aws.url("tls.example", "/path")
    connection = http.client.HTTPConnection(plain.split("/")[2])
    connection.request("GET", "/path", headers=headers)
    answer = connection.getresponse()
    assert (answer.status, answer.getheader("location")) == (301, "https://tls.example:443/path")


def topic(**properties: Any) -> dict[str, Any]:
    return {"Type": "AWS::SNS::Topic", "Properties": properties}


def test_an_export_in_use_is_neither_changed_nor_removed_nor_taken_twice(
    aws: LocalAws, stacks: Stacks
) -> None:
    def exporting(value: str, name: str = "shared") -> dict[str, Any]:
        output = {"Value": value, "Export": {"Name": name}}
        return {"Resources": {"Topic": topic()}, "Outputs": {"Out": output}}

    def silent() -> dict[str, Any]:
        return {"Resources": {"Topic": topic(DisplayName="silent")}}

    importing = {
        "Resources": {"Topic": topic()},
        "Outputs": {"In": {"Value": {"Fn::ImportValue": "shared"}}},
    }
    stacks.deploy("exporter", exporting("one"))
    stacks.deploy("importer", importing)
    with pytest.raises(AssertionError, match="Export shared cannot be updated as it is in use by"):
        stacks.deploy("exporter", exporting("two") | {"Description": "changed"})
    with pytest.raises(AssertionError, match="Export shared cannot be deleted as it is in use by"):
        stacks.deploy("exporter", silent())
    with pytest.raises(AssertionError, match="already exported by stack exporter"):
        stacks.deploy("second", exporting("one"))
    stacks.delete("second")
    with pytest.raises(ClientError, match="imported by stack importer"):
        stacks.cloudformation.delete_stack(StackName="exporter")
    stacks.delete("importer")
    stacks.deploy("exporter", silent())
    assert "shared" not in [
        e["Name"] for e in aws.client("cloudformation").list_exports()["Exports"]
    ]


def test_a_secure_string_is_refused_where_cloudformation_takes_none(stacks: Stacks) -> None:
    reference = "{{resolve:ssm-secure:/any:1}}"
    template = {"Resources": {"Topic": topic(DisplayName={"Fn::Sub": reference})}}
    with pytest.raises(ClientError, match=r"not supported in: \[AWS::SNS::Topic/Properties/Displ"):
        stacks.deploy("secure", template)


def test_a_failed_creation_can_only_be_deleted(stacks: Stacks) -> None:
    broken = {"Resources": {"Rule": rule_template("arn:aws:nothing", 1)["Resources"]["Rule"]}}
    broken["Resources"]["Rule"]["Properties"]["ListenerArn"] = {"Fn::ImportValue": "nothing"}
    with pytest.raises(AssertionError):
        stacks.deploy("broken", broken)
    template = {"Resources": {"Topic": topic()}}
    body = json.dumps(template)
    with pytest.raises(ClientError, match="already exists"):
        stacks.cloudformation.create_stack(StackName="broken", TemplateBody=body)
    with pytest.raises(ClientError, match="ROLLBACK_COMPLETE state and can not be updated"):
        stacks.cloudformation.update_stack(StackName="broken", TemplateBody=body)
    with pytest.raises(ClientError, match="ROLLBACK_COMPLETE state and can not be updated"):
        stacks.cloudformation.create_change_set(
            StackName="broken", ChangeSetName="one", TemplateBody=body
        )


def test_a_busy_stack_takes_no_change(aws: LocalAws, stacks: Stacks, slow_function: str) -> None:
    template = {
        "Resources": {
            "Slow": {
                "Type": "Custom::Slow",
                "Properties": {"ServiceToken": slow_function, "ServiceTimeout": 3},
            }
        }
    }
    cloudformation = aws.client("cloudformation")
    body = json.dumps(template)
    cloudformation.create_stack(StackName="busy", TemplateBody=body)
    stacks.names.append("busy")
    with pytest.raises(ClientError, match="CREATE_IN_PROGRESS state and can not be updated"):
        cloudformation.update_stack(StackName="busy", TemplateBody=body)
    with pytest.raises(ClientError, match="CREATE_IN_PROGRESS state and can not be updated"):
        cloudformation.create_change_set(
            StackName="busy", ChangeSetName="one", TemplateBody=body, ChangeSetType="UPDATE"
        )
    with pytest.raises(AssertionError, match="did not receive a response from your Custom"):
        stacks._wait("stack_create_complete", "busy")
    # it doesn't answer its deletion either, neither the rollback's nor the stack's
    eventually(lambda: stacks.status("busy") == "ROLLBACK_FAILED")
    with pytest.raises(AssertionError, match="failed to delete"):
        stacks.delete("busy")
    cloudformation.delete_stack(StackName="busy", RetainResources=["Slow"])
    stacks._wait("stack_delete_complete", "busy")
    stacks.names.remove("busy")


@pytest.fixture(scope="module")
def slow_function(aws: LocalAws, host_runtime: str) -> str:
    """Return a function that never answers CloudFormation."""
    from tests.integration.local_aws.support import zipped

    role = aws.client("iam").create_role(RoleName="slow", AssumeRolePolicyDocument=TRUST)["Role"]
    return str(
        aws.client("lambda").create_function(
            FunctionName="slow",
            Runtime=host_runtime,
            Role=role["Arn"],
            Handler="function.handler",
            Code={"ZipFile": zipped(function="def handler(event, context):\n    pass\n")},
        )["FunctionArn"]
    )


def test_a_service_role_once_given_stays_and_a_bad_one_is_refused(
    aws: LocalAws, stacks: Stacks
) -> None:
    cloudformation, iam = aws.client("cloudformation"), aws.client("iam")
    trust = json.loads(TRUST.replace("lambda.amazonaws.com", "cloudformation.amazonaws.com"))
    role = iam.create_role(RoleName="stacks", AssumeRolePolicyDocument=json.dumps(trust))["Role"]
    iam.create_role(RoleName="other", AssumeRolePolicyDocument=TRUST)
    body = json.dumps({"Resources": {"Topic": topic()}})
    with pytest.raises(ClientError, match="is invalid or cannot be assumed"):
        cloudformation.create_stack(
            StackName="roles", TemplateBody=body, RoleARN=role["Arn"].replace("stacks", "other")
        )
    cloudformation.create_change_set(
        StackName="roles",
        ChangeSetName="first",
        ChangeSetType="CREATE",
        TemplateBody=body,
        RoleARN=role["Arn"],
    )
    cloudformation.execute_change_set(StackName="roles", ChangeSetName="first")
    stacks.names.append("roles")
    stacks._wait("stack_create_complete", "roles")
    stacks.deploy("roles", {"Resources": {"Topic": topic(DisplayName="new")}})
    stack = cloudformation.describe_stacks(StackName="roles")["Stacks"][0]
    assert stack["RoleARN"] == role["Arn"]


@pytest.mark.parametrize("key", ["test", "000000000000", "123456789012", "AKIAAAAAAAAAAAAAAAAA"])
def test_no_key_but_the_random_one_is_root(aws: LocalAws, key: str) -> None:
    sts = boto3.client(
        "sts",
        endpoint_url=aws.environment["AWS_ENDPOINT_URL"],
        region_name=aws.region,
        aws_access_key_id=key,
        aws_secret_access_key="test",
    )
    with pytest.raises(ClientError):
        sts.get_caller_identity()


def test_the_root_key_with_another_secret_is_refused(aws: LocalAws) -> None:
    sts = boto3.client(
        "sts",
        endpoint_url=aws.environment["AWS_ENDPOINT_URL"],
        region_name=aws.region,
        aws_access_key_id=aws.environment["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key="another",
    )
    with pytest.raises(ClientError, match="Signature"):
        sts.get_caller_identity()


def test_an_unsigned_request_is_refused(aws: LocalAws) -> None:
    request = urllib.request.Request(
        aws.environment["AWS_ENDPOINT_URL"],
        data=b"Action=ListUsers&Version=2010-05-08",
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    )
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request)
    assert refused.value.code == 403


def test_a_user_may_do_what_its_policy_says_and_no_more(aws: LocalAws) -> None:
    iam = aws.client("iam")
    iam.create_user(UserName="reader")
    allowed = {"Effect": "Allow", "Action": "ssm:GetParameter", "Resource": "*"}
    iam.put_user_policy(
        UserName="reader",
        PolicyName="read",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [allowed]}),
    )
    key = iam.create_access_key(UserName="reader")["AccessKey"]
    ssm = boto3.client(
        "ssm",
        endpoint_url=aws.environment["AWS_ENDPOINT_URL"],
        region_name=aws.region,
        aws_access_key_id=key["AccessKeyId"],
        aws_secret_access_key=key["SecretAccessKey"],
    )
    aws.client("ssm").put_parameter(Name="/readable", Value="1", Type="String")
    assert ssm.get_parameter(Name="/readable")["Parameter"]["Value"] == "1"
    with pytest.raises(ClientError, match="AccessDenied"):
        ssm.put_parameter(Name="/readable", Value="2", Type="String", Overwrite=True)


def test_two_change_sets_that_create_a_stack_belong_to_the_same_one(aws: LocalAws) -> None:
    cloudformation = aws.client("cloudformation")
    made = [
        cloudformation.create_change_set(
            StackName="shared-shell",
            ChangeSetName=name,
            ChangeSetType="CREATE",
            TemplateBody=json.dumps({"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}),
        )
        for name in ("first", "second")
    ]
    assert made[0]["StackId"] == made[1]["StackId"]
    cloudformation.execute_change_set(StackName="shared-shell", ChangeSetName="first")
    cloudformation.get_waiter("stack_create_complete").wait(
        StackName=made[0]["StackId"], WaiterConfig={"Delay": 1}
    )


def test_a_parameter_that_is_not_there_is_told_without_a_word(aws: LocalAws) -> None:
    with pytest.raises(ClientError) as refused:
        aws.client("ssm").get_parameter(Name="/nowhere")
    assert refused.value.response["Error"] == {"Code": "ParameterNotFound", "Message": ""}


def test_a_weighted_record_beside_a_simple_one_of_its_name_is_refused(
    aws: LocalAws, stacks: Stacks
) -> None:
    zone = aws.client("route53").create_hosted_zone(Name="records.test", CallerReference="records")

    def template(**more: Any) -> dict[str, Any]:
        record = {
            "HostedZoneId": zone["HostedZone"]["Id"].split("/")[-1],
            "Name": "a.records.test",
            "Type": "A",
            "TTL": "60",
            "ResourceRecords": ["192.0.2.1"],
        }
        properties = record | more
        return {
            "Resources": {"Record": {"Type": "AWS::Route53::RecordSet", "Properties": properties}}
        }

    stacks.deploy("weighted-one", template(SetIdentifier="one", Weight=1))
    stacks.deploy("weighted-two", template(SetIdentifier="two", Weight=1))
    with pytest.raises(AssertionError, match="cannot be created as a weighted set exists"):
        stacks.deploy("simple", template())
    for name in ("weighted-one", "weighted-two"):
        stacks.delete(name)


def test_a_simple_record_becomes_a_weighted_one_in_no_update_unless_it_is_one_already(
    aws: LocalAws, stacks: Stacks
) -> None:
    route53 = aws.client("route53")
    zone = route53.create_hosted_zone(Name="update.test", CallerReference="update")
    identity = zone["HostedZone"]["Id"].split("/")[-1]
    named = {"Name": "a.update.test", "Type": "A"}
    one = {"SetIdentifier": "one", "Weight": 1}

    def template(ttl: int, **more: Any) -> dict[str, Any]:
        properties = named | more | {"TTL": str(ttl), "ResourceRecords": ["192.0.2.1"]}
        record = {
            "Type": "AWS::Route53::RecordSet",
            "Properties": {"HostedZoneId": identity} | properties,
        }
        return {"Resources": {"Record": record}}

    stacks.deploy("simple-first", template(60))
    with pytest.raises(AssertionError, match="cannot be created as a non-weighted set exists"):
        stacks.deploy("simple-first", template(60, **one))

    record = named | {"TTL": 60, "ResourceRecords": [{"Value": "192.0.2.1"}]}
    changes = [
        {"Action": "DELETE", "ResourceRecordSet": record},
        {"Action": "CREATE", "ResourceRecordSet": record | one},
    ]
    route53.change_resource_record_sets(HostedZoneId=identity, ChangeBatch={"Changes": changes})
    stacks.deploy("simple-first", template(30, **one))
    records = route53.list_resource_record_sets(HostedZoneId=identity)["ResourceRecordSets"]
    assert [it["TTL"] for it in records if it["Type"] == "A"] == [30]
    stacks.delete("simple-first")
