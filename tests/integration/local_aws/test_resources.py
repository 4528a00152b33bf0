"""Resource types that ministack lacks, secrets, custom resources' limits."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local_aws.control import LocalAws
from tests.integration.local_aws.support import LOAD_BALANCER, ROLE, Stacks, function

LONG_ANSWER = """
import json, urllib.request

def handler(event, context):
    body = json.dumps({"Status": "SUCCESS", "PhysicalResourceId": "long", "Reason": "",
                       "StackId": event["StackId"], "RequestId": event["RequestId"],
                       "LogicalResourceId": event["LogicalResourceId"],
                       "Data": {"Text": "x" * 4096 * (event["RequestType"] == "Create")}}).encode()
    urllib.request.urlopen(urllib.request.Request(event["ResponseURL"], body, method="PUT"))
"""


def network(port: int) -> dict[str, Any]:
    rule = {"IpProtocol": "tcp", "FromPort": port, "ToPort": port}
    group = {"Fn::GetAtt": ["Group", "GroupId"]}
    return {
        "Resources": {
            "Vpc": {"Type": "AWS::EC2::VPC", "Properties": {"CidrBlock": "10.9.0.0/16"}},
            "Subnet": {
                "Type": "AWS::EC2::Subnet",
                "Properties": {"VpcId": {"Ref": "Vpc"}, "CidrBlock": "10.9.1.0/24"},
            },
            "Group": {
                "Type": "AWS::EC2::SecurityGroup",
                "Properties": {"GroupDescription": "tests", "VpcId": {"Ref": "Vpc"}},
            },
            "Ingress": {
                "Type": "AWS::EC2::SecurityGroupIngress",
                "Properties": rule | {"GroupId": group, "SourceSecurityGroupId": group},
            },
            "Egress": {
                "Type": "AWS::EC2::SecurityGroupEgress",
                "Properties": rule | {"GroupId": group, "CidrIp": "10.0.0.0/8"},
            },
            "Address": {"Type": "AWS::EC2::EIP", "Properties": {"Domain": "vpc"}},
            "Gateway": {
                "Type": "AWS::EC2::NatGateway",
                "Properties": {
                    "SubnetId": {"Ref": "Subnet"},
                    "AllocationId": {"Fn::GetAtt": ["Address", "AllocationId"]},
                    "Tags": [{"Key": "Name", "Value": "tests"}],
                },
            },
            "Logs": {"Type": "AWS::Logs::LogGroup"},
            "FlowLog": {
                "Type": "AWS::EC2::FlowLog",
                "Properties": {
                    "ResourceId": {"Ref": "Vpc"},
                    "ResourceType": "VPC",
                    "TrafficType": "REJECT",
                    "LogGroupName": {"Ref": "Logs"},
                },
            },
        },
        "Outputs": {
            "Group": {"Value": group},
            "Cidr": {"Value": {"Fn::GetAtt": ["Vpc", "CidrBlock"]}},
            "Gateway": {"Value": {"Ref": "Gateway"}},
            "Address": {"Value": {"Ref": "Address"}},
        },
    }


def ports(aws: LocalAws, group: str) -> tuple[set[int], set[int]]:
    found = aws.client("ec2").describe_security_groups(GroupIds=[group])["SecurityGroups"][0]
    return (
        {rule["FromPort"] for rule in found["IpPermissions"]},
        {rule["FromPort"] for rule in found["IpPermissionsEgress"] if "FromPort" in rule},
    )


def test_the_network_types_are_made_changed_and_deleted(aws: LocalAws, stacks: Stacks) -> None:
    ec2 = aws.client("ec2")
    outputs = stacks.deploy("network", network(5432))
    assert outputs["Cidr"] == "10.9.0.0/16"
    assert ports(aws, outputs["Group"]) == ({5432}, {5432})
    changed = stacks.deploy("network", network(5433))
    assert changed == outputs
    assert ports(aws, outputs["Group"]) == ({5433}, {5433})
    gateways = ec2.describe_nat_gateways(NatGatewayIds=[outputs["Gateway"]])["NatGateways"]
    assert {"Key": "Name", "Value": "tests"} in gateways[0]["Tags"]
    assert ec2.describe_flow_logs()["FlowLogs"]
    stacks.delete("network")
    assert ec2.describe_nat_gateways(NatGatewayIds=[outputs["Gateway"]])["NatGateways"] == []
    assert ec2.describe_flow_logs()["FlowLogs"] == []
    assert outputs["Address"] not in [a["PublicIp"] for a in ec2.describe_addresses()["Addresses"]]


def test_the_other_types_are_made_and_deleted(aws: LocalAws, stacks: Stacks) -> None:
    acm = aws.client("acm")
    first, more = (
        acm.request_certificate(DomainName=it)["CertificateArn"] for it in ("a.b", "c.d")
    )
    listener = LOAD_BALANCER["Resources"]["Listener"]
    secured = {"Protocol": "HTTPS", "Port": 443, "Certificates": [{"CertificateArn": first}]}
    template = {
        "Resources": LOAD_BALANCER["Resources"]
        | {
            "Listener": listener | {"Properties": listener["Properties"] | secured},
            "Role": ROLE,
            "RolePolicy": {
                "Type": "AWS::IAM::RolePolicy",
                "Properties": {
                    "RoleName": {"Ref": "Role"},
                    "PolicyName": "one",
                    "PolicyDocument": {"Version": "2012-10-17", "Statement": []},
                },
            },
            "ServiceRole": {
                "Type": "AWS::IAM::ServiceLinkedRole",
                "Properties": {"AWSServiceName": "ecs.amazonaws.com"},
            },
            "Certificate": {
                "Type": "AWS::ElasticLoadBalancingV2::ListenerCertificate",
                "Properties": {
                    "ListenerArn": {"Ref": "Listener"},
                    "Certificates": [{"CertificateArn": more}],
                },
            },
            "Query": {
                "Type": "AWS::Logs::QueryDefinition",
                "Properties": {"Name": "errors", "QueryString": "fields @message"},
            },
            "Secret": {
                "Type": "AWS::SecretsManager::Secret",
                "Properties": {"GenerateSecretString": {}},
            },
            "SecretPolicy": {
                "Type": "AWS::SecretsManager::ResourcePolicy",
                "Properties": {
                    "SecretId": {"Ref": "Secret"},
                    "ResourcePolicy": {"Version": "2012-10-17", "Statement": []},
                },
            },
        },
        "Outputs": {"Role": {"Value": {"Ref": "Role"}}},
    }
    role = stacks.deploy("others", template)["Role"]
    iam = aws.client("iam")
    assert iam.list_role_policies(RoleName=role)["PolicyNames"] == ["one"]
    stacks.delete("others")
    assert "AWSServiceRoleForECS" not in {it["RoleName"] for it in iam.list_roles()["Roles"]}


def test_the_service_linked_role_of_ecs_has_awss_name_and_exists_once(aws: LocalAws) -> None:
    iam = aws.client("iam")
    role = iam.create_service_linked_role(AWSServiceName="ecs.amazonaws.com")["Role"]
    assert role["RoleName"] == "AWSServiceRoleForECS"
    with pytest.raises(ClientError, match="has been taken in this account"):
        iam.create_service_linked_role(AWSServiceName="ecs.amazonaws.com")
    iam.delete_service_linked_role(RoleName="AWSServiceRoleForECS")


def secret(**properties: Any) -> dict[str, Any]:
    generated = {
        "SecretStringTemplate": '{"username": "someone"}',
        "GenerateStringKey": "password",
        "PasswordLength": "40",
        "ExcludePunctuation": "true",
    }
    return {
        "Type": "AWS::SecretsManager::Secret",
        "Properties": {"GenerateSecretString": generated} | properties,
    }


def test_a_secret_is_generated_as_asked_and_its_ref_is_its_arn(
    aws: LocalAws, stacks: Stacks
) -> None:
    template = {
        "Resources": {"Secret": secret(Name="named")},
        "Outputs": {"Ref": {"Value": {"Ref": "Secret"}}},
    }
    arn = stacks.deploy("secret", template)["Ref"]
    assert arn.startswith("arn:aws:secretsmanager:")
    value = aws.client("secretsmanager").get_secret_value(SecretId=arn)["SecretString"]
    assert json.loads(value)["username"] == "someone"
    assert len(json.loads(value)["password"]) == 40
    assert json.loads(value)["password"].isalnum()
    with pytest.raises(AssertionError, match="the secret named already exists"):
        stacks.deploy("second-secret", template)
    assert aws.client("secretsmanager").get_secret_value(SecretId=arn)["SecretString"] == value


def test_a_changed_secret_keeps_its_value_and_a_deleted_one_is_gone(
    aws: LocalAws, stacks: Stacks
) -> None:
    secrets = aws.client("secretsmanager")
    outputs = {"Ref": {"Value": {"Ref": "Secret"}}}
    arn = stacks.deploy("changed", {"Resources": {"Secret": secret()}, "Outputs": outputs})["Ref"]
    value = secrets.get_secret_value(SecretId=arn)["SecretString"]
    described = {"Resources": {"Secret": secret(Description="new")}, "Outputs": outputs}
    assert stacks.deploy("changed", described)["Ref"] == arn
    assert secrets.get_secret_value(SecretId=arn)["SecretString"] == value
    assert secrets.describe_secret(SecretId=arn)["Description"] == "new"
    stacks.delete("changed")
    with pytest.raises(ClientError, match="ResourceNotFound"):
        secrets.describe_secret(SecretId=arn)


def test_an_attachment_adds_the_database_and_keeps_user_and_password(
    aws: LocalAws, stacks: Stacks
) -> None:
    template = {
        "Resources": {
            "Secret": secret(),
            "Cluster": {
                "Type": "AWS::RDS::DBCluster",
                "DeletionPolicy": "Delete",
                "Properties": {
                    "Engine": "aurora-postgresql",
                    "MasterUsername": "quayside",
                    "MasterUserPassword": "a-password",
                },
            },
            "Attachment": {
                "Type": "AWS::SecretsManager::SecretTargetAttachment",
                "Properties": {
                    "SecretId": {"Ref": "Secret"},
                    "TargetId": {"Ref": "Cluster"},
                    "TargetType": "AWS::RDS::DBCluster",
                },
            },
        },
        "Outputs": {
            "Secret": {"Value": {"Ref": "Secret"}},
            "Attached": {"Value": {"Ref": "Attachment"}},
            "Cluster": {"Value": {"Ref": "Cluster"}},
            "Port": {"Value": {"Fn::GetAtt": ["Cluster", "Endpoint.Port"]}},
        },
    }
    outputs = stacks.deploy("attached", template)
    assert outputs["Attached"] == outputs["Secret"]
    secrets = aws.client("secretsmanager")
    value, before = (
        json.loads(
            secrets.get_secret_value(SecretId=outputs["Secret"], VersionStage=stage)["SecretString"]
        )
        for stage in ("AWSCURRENT", "AWSPREVIOUS")
    )
    assert value == before | {
        "engine": "postgres",
        "host": "127.0.0.1",
        "port": int(outputs["Port"]),
        "dbClusterIdentifier": outputs["Cluster"],
    }


def test_an_attachment_that_does_not_change_keeps_the_port_that_the_cluster_had(
    aws: LocalAws, stacks: Stacks
) -> None:
    cluster = {
        "Type": "AWS::RDS::DBCluster",
        "DeletionPolicy": "Delete",
        "Properties": {
            "Engine": "aurora-postgresql",
            "MasterUsername": "quayside",
            "MasterUserPassword": "a-password",
            "Port": {"Ref": "Port"},
        },
    }
    attachment = {
        "Type": "AWS::SecretsManager::SecretTargetAttachment",
        "Properties": {
            "SecretId": {"Ref": "Secret"},
            "TargetId": {"Ref": "Cluster"},
            "TargetType": "AWS::RDS::DBCluster",
        },
    }
    template = {
        "Parameters": {"Port": {"Type": "Number", "Default": "5432"}},
        "Resources": {"Secret": secret(), "Cluster": cluster, "Attachment": attachment},
        "Outputs": {
            "Secret": {"Value": {"Ref": "Secret"}},
            "Port": {"Value": {"Fn::GetAtt": ["Cluster", "Endpoint.Port"]}},
        },
    }

    def attached(outputs: dict[str, str]) -> str:
        value = aws.client("secretsmanager").get_secret_value(SecretId=outputs["Secret"])
        return str(json.loads(value["SecretString"])["port"])

    first = stacks.deploy("port", template)
    assert attached(first) == first["Port"]
    moved = stacks.deploy("port", template, Port="5433")
    assert moved["Port"] != first["Port"]
    assert attached(moved) == first["Port"]


def test_putting_a_value_twice_with_one_token_makes_one_version(aws: LocalAws) -> None:
    secrets = aws.client("secretsmanager")
    arn = secrets.create_secret(Name="twice", SecretString="one")["ARN"]
    token = "t" * 32
    value = {"SecretId": arn, "ClientRequestToken": token, "VersionStages": ["AWSPENDING"]}
    first = secrets.put_secret_value(SecretString="two", **value)
    assert secrets.put_secret_value(SecretString="two", **value)["VersionId"] == first["VersionId"]
    with pytest.raises(ClientError, match="ResourceExistsException"):
        secrets.put_secret_value(SecretString="three", **value)
    secrets.put_secret_value(SecretId=arn, SecretString="four", VersionStages=["AWSPENDING"])
    labels = secrets.describe_secret(SecretId=arn)["VersionIdsToStages"]
    assert [v for v, stages in labels.items() if "AWSPENDING" in stages] != [token]
    assert len([v for v, stages in labels.items() if "AWSPENDING" in stages]) == 1


def test_a_parameter_that_does_not_exist_has_no_tags(aws: LocalAws) -> None:
    ssm = aws.client("ssm")
    with pytest.raises(ClientError, match="InvalidResourceId"):
        ssm.list_tags_for_resource(ResourceType="Parameter", ResourceId="/nothing")
    with pytest.raises(ClientError, match="InvalidResourceId"):
        ssm.add_tags_to_resource(ResourceType="Parameter", ResourceId="/nothing", Tags=[])


def test_an_unquoted_account_number_is_no_longer_one_where_a_string_belongs(
    aws: LocalAws, stacks: Stacks
) -> None:
    properties = {"Name": "/number", "Type": "String", "Value": 123456789012}
    resource = {"Type": "AWS::SSM::Parameter", "Properties": properties}
    stacks.deploy("number", {"Resources": {"Number": resource}})
    told = aws.client("ssm").get_parameter(Name="/number")["Parameter"]["Value"]
    assert told == "1.23456789012E11"


def test_an_answer_of_more_than_4096_bytes_fails_the_custom_resource(
    aws: LocalAws, stacks: Stacks, host_runtime: str
) -> None:
    token = function(aws, "long", LONG_ANSWER, host_runtime)
    properties = {"ServiceToken": token, "ServiceTimeout": 30}
    template = {"Resources": {"Long": {"Type": "Custom::Long", "Properties": properties}}}
    with pytest.raises(AssertionError, match="Message returned: Response object is too long"):
        stacks.deploy("long", template)
