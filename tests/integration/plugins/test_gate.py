"""What CloudFormation would remove, replace or make anew, of each kind: refused, then allowed."""

from __future__ import annotations

import copy
import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from local_aws.control import LocalAws
from tests import stack_options

sys.path.insert(0, str(Path(__file__).parents[3] / "collections"))
from ansible_collections.quayside.fargate.plugins.plugin_utils.clock import Clock
from ansible_collections.quayside.fargate.plugins.plugin_utils.deployment import Deployment
from ansible_collections.quayside.fargate.plugins.plugin_utils.draft import Draft
from ansible_collections.quayside.fargate.plugins.plugin_utils.errors import StackError
from ansible_collections.quayside.fargate.plugins.plugin_utils.guards import GUARDS
from ansible_collections.quayside.fargate.plugins.plugin_utils.progress import Progress

Properties = dict[str, Any]


def ref(name: str) -> Properties:
    return {"Ref": name}


def attribute(name: str, of: str) -> Properties:
    return {"Fn::GetAtt": [name, of]}


TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": "lambda.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }
    ],
}
VPC = {"Vpc": {"Type": "AWS::EC2::VPC", "Properties": {"CidrBlock": "10.7.0.0/16"}}}
SUBNETS = VPC | {
    f"Subnet{zone}": {
        "Type": "AWS::EC2::Subnet",
        "Properties": {
            "VpcId": ref("Vpc"),
            "CidrBlock": f"10.7.{number}.0/24",
            "AvailabilityZone": {"Fn::Select": [number, {"Fn::GetAZs": ""}]},
        },
    }
    for number, zone in enumerate("AB")
}
BALANCER = SUBNETS | {
    "Balancer": {
        "Type": "AWS::ElasticLoadBalancingV2::LoadBalancer",
        "Properties": {"Subnets": [ref("SubnetA"), ref("SubnetB")], "Scheme": "internal"},
    }
}
NOTHING = {
    "Type": "fixed-response",
    "FixedResponseConfig": {"StatusCode": "404"},
}
LISTENERS = BALANCER | {
    f"Listener{port}": {
        "Type": "AWS::ElasticLoadBalancingV2::Listener",
        "Properties": {
            "LoadBalancerArn": ref("Balancer"),
            "Port": port,
            "Protocol": "HTTP",
            "DefaultActions": [NOTHING],
        },
    }
    for port in (80, 81)
}
CLUSTER = {
    "Engine": "aurora-postgresql",
    "EngineVersion": "17.7",
    "MasterUsername": "quayside",
    "MasterUserPassword": "correct-horse-battery",
    "ServerlessV2ScalingConfiguration": {"MinCapacity": 0.5, "MaxCapacity": 1},
}
ZONE = {"Zone": {"Type": "AWS::Route53::HostedZone", "Properties": {"Name": "gate.test"}}}


@dataclass(frozen=True)
class Case:
    """A type's resource.

    made: its properties; changed: those that lose it; beside: what it needs; outputs: that tell it.
    """

    made: Properties
    changed: Properties = field(default_factory=dict)
    beside: Properties = field(default_factory=dict)
    outputs: Properties = field(default_factory=dict)


TOLD = {"Told": {"Value": ref("Thing")}}
CASES: dict[str, Case] = {
    "AWS::RDS::DBCluster": Case(CLUSTER, {"DBClusterIdentifier": "other"}),
    "AWS::DynamoDB::Table": Case(
        {
            "AttributeDefinitions": [{"AttributeName": "key", "AttributeType": "S"}],
            "KeySchema": [{"AttributeName": "key", "KeyType": "HASH"}],
            "BillingMode": "PAY_PER_REQUEST",
        },
        {"TableName": "other-table"},
    ),
    "AWS::S3::Bucket": Case({}, {"BucketName": "other-bucket-of-the-gate"}),
    "AWS::EFS::FileSystem": Case({}, {"PerformanceMode": "maxIO"}),
    "AWS::Kinesis::Stream": Case({"ShardCount": 1}, {"Name": "other-stream"}),
    "AWS::ECR::Repository": Case({}, {"RepositoryName": "other-repository"}),
    "AWS::KMS::Key": Case({"Description": "gate", "KeyPolicy": {"Statement": []}}),
    "AWS::Logs::LogGroup": Case({}, {"LogGroupName": "/other/group"}),
    "AWS::SQS::Queue": Case({}, {"QueueName": "other-queue"}),
    "AWS::SecretsManager::Secret": Case(
        {"GenerateSecretString": {"PasswordLength": 32}},
        {"GenerateSecretString": {"PasswordLength": 33}},
    ),
    "AWS::ECS::Cluster": Case({}, {"ClusterName": "other-cluster"}),
    "AWS::ElasticLoadBalancingV2::LoadBalancer": Case(
        {"Subnets": [ref("SubnetA"), ref("SubnetB")], "Scheme": "internal"},
        {"Name": "other-balancer"},
        SUBNETS,
    ),
    "AWS::ElasticLoadBalancingV2::Listener": Case(
        {
            "LoadBalancerArn": ref("Balancer"),
            "Port": 82,
            "Protocol": "HTTP",
            "DefaultActions": [NOTHING],
        },
        {"LoadBalancerArn": ref("Other")},
        BALANCER | {"Other": BALANCER["Balancer"]},
    ),
    "AWS::ElasticLoadBalancingV2::ListenerRule": Case(
        {
            "ListenerArn": ref("Listener80"),
            "Priority": 1,
            "Actions": [NOTHING],
            "Conditions": [{"Field": "host-header", "HostHeaderConfig": {"Values": ["gate.test"]}}],
        },
        {"ListenerArn": ref("Listener81")},
        LISTENERS,
    ),
    "AWS::ElasticLoadBalancingV2::TargetGroup": Case(
        {"VpcId": ref("Vpc"), "Port": 80, "Protocol": "HTTP", "TargetType": "ip"},
        {"Port": 81},
        VPC,
    ),
    "AWS::Route53::HostedZone": Case({"Name": "one.test"}, {"Name": "two.test"}),
    "AWS::Route53::RecordSet": Case(
        {
            "HostedZoneId": ref("Zone"),
            "Name": "a.gate.test",
            "Type": "A",
            "TTL": "60",
            "ResourceRecords": ["10.0.0.1"],
        },
        {"HostedZoneId": ref("Other"), "Name": "b.gate.test"},
        ZONE | {"Other": ZONE["Zone"]},
    ),
    "AWS::EC2::VPC": Case({"CidrBlock": "10.8.0.0/16"}, {"CidrBlock": "10.9.0.0/16"}),
    "AWS::EC2::Subnet": Case(
        {"VpcId": ref("Vpc"), "CidrBlock": "10.7.8.0/24"}, {"CidrBlock": "10.7.9.0/24"}, VPC
    ),
    "AWS::EC2::NatGateway": Case(
        {"SubnetId": ref("SubnetA"), "ConnectivityType": "private"},
        {"SubnetId": ref("SubnetB")},
        SUBNETS,
    ),
    "AWS::EC2::EIP": Case({"Domain": "vpc"}),
    "AWS::EC2::VPCEndpoint": Case(
        {"VpcId": ref("Vpc"), "ServiceName": {"Fn::Sub": "com.amazonaws.${AWS::Region}.s3"}},
        beside=VPC,
    ),
    "AWS::EC2::SecurityGroup": Case(
        {"GroupDescription": "one", "VpcId": ref("Vpc")},
        {"GroupDescription": "two"},
        VPC,
        {"Told": {"Value": attribute("Thing", "GroupId")}},
    ),
    "AWS::IAM::Role": Case(
        {"AssumeRolePolicyDocument": TRUST},
        {"Path": "/other/"},
        outputs={"Told": {"Value": attribute("Thing", "Arn")}},
    ),
    "AWS::Lambda::Function": Case(
        {
            "Runtime": "python3.13",
            "Handler": "index.handler",
            "Code": {"ZipFile": "def handler(event, context): pass"},
            "Role": attribute("Role", "Arn"),
        },
        {"FunctionName": "other-function"},
        {"Role": {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": TRUST}}},
        TOLD,
    ),
    "AWS::SNS::Topic": Case({}, {"TopicName": "other-topic"}),
    "AWS::Cognito::UserPool": Case({"UserPoolName": "gate"}),
}
# In service.yml and rds.yml, whose tests below and end to end lose them; what the local AWS doesn't
# make, or makes only of templates elsewhere, tests/unit/plugins/test_gate.py judges.
ELSEWHERE = {
    "AWS::RDS::DBInstance",
    "AWS::ECS::Service",
    "Custom::Database",
    "Custom::Password",
    "AWS::RDS::GlobalCluster",
    "AWS::DocDB::DBCluster",
    "AWS::Neptune::DBCluster",
    "AWS::DynamoDB::GlobalTable",
    "AWS::EC2::Volume",
    "AWS::ElastiCache::ReplicationGroup",
    "AWS::ElastiCache::ServerlessCache",
    "AWS::OpenSearchService::Domain",
    "AWS::CloudFormation::Stack",
}


KEPT = {"Type": "AWS::SSM::Parameter", "Properties": {"Type": "String", "Value": "1"}}


class Gate:
    """Deployments of one stack that has a thing to lose, with the action's own code."""

    def __init__(self, aws: LocalAws, name: str, kind: str) -> None:
        self._client, self._region = aws.client("cloudformation"), aws.region
        self._name, self._kind, self._case = name, kind, CASES[kind]
        self.lines: list[str] = []

    def deploy(
        self, properties: Properties | None, *allow: str, check: bool = False
    ) -> dict[str, Any]:
        """Deploy the thing with properties, or None without the thing."""
        document: dict[str, Any] = {"Resources": {"Kept": KEPT, **copy.deepcopy(self._case.beside)}}
        if properties is not None:
            document["Resources"]["Thing"] = {"Type": self._kind, "Properties": properties}
            document |= {"Outputs": self._case.outputs} if self._case.outputs else {}
        given = {"template": "gate.yml", "allow": list(allow), "region": self._region}
        options = stack_options.options(name=self._name, **given)
        progress = Progress(lambda text, _colour: self.lines.append(text))
        deployment = Deployment(options, Clock(120), check=check, diff=False, progress=progress)
        return dict(deployment.present(Draft.of(options, json.dumps(document), "the template")))

    def refusal(self, properties: Properties | None) -> str:
        """Return why a deployment is refused, which must change nothing."""
        before = self.state()
        with pytest.raises(StackError) as refused:
            self.deploy(properties)
        assert self.state() == before
        return str(refused.value)

    def state(self) -> tuple[Any, ...]:
        """Everything that a refused deployment leaves as it was."""
        stack = {"StackName": self._name}
        described = self._client.describe_stacks(**stack)["Stacks"]
        events = self._client.describe_stack_events(**stack)["StackEvents"]
        sets = self._client.list_change_sets(**stack)["Summaries"]
        return described, events, [it for it in sets if it["ExecutionStatus"] == "AVAILABLE"]

    def thing(self) -> str | None:
        """Return the thing's physical id."""
        found = self._client.describe_stack_resources(StackName=self._name)["StackResources"]
        ids = {it["LogicalResourceId"]: it["PhysicalResourceId"] for it in found}
        return ids.get("Thing")


@pytest.fixture(autouse=True)
def environment(aws: LocalAws) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in aws.environment.items():
            patch.setenv(name, value)
        yield


@pytest.fixture
def gate(aws: LocalAws, request: pytest.FixtureRequest) -> Iterator[Gate]:
    kind = request.node.callspec.params["kind"]
    name = (
        f"gate-{request.node.originalname.split('_')[2]}-{'-'.join(kind.lower().split('::')[1:])}"
    )
    gate = Gate(aws, name, kind)
    gate.deploy(CASES[kind].made)
    yield gate
    aws.client("cloudformation").delete_stack(StackName=name)


@pytest.mark.parametrize("kind", CASES)
def test_a_removal_is_refused_then_allowed(gate: Gate, kind: str) -> None:
    said = gate.refusal(None)
    assert re.search(rf"Thing \({kind}\) would be removed.*: {GUARDS[kind].why}", said)
    assert said.endswith("write allow: [Thing]")
    assert gate.deploy(None, "Thing")["warnings"] == []
    assert gate.thing() is None


@pytest.mark.parametrize("kind", [kind for kind in CASES if CASES[kind].changed])
def test_a_replacement_is_refused_then_allowed(gate: Gate, kind: str) -> None:
    case, before = CASES[kind], gate.thing()
    said, cause = gate.refusal(case.made | case.changed), next(iter(case.changed))
    assert re.search(
        rf"Thing \({kind}\) would be .* for another {cause}.*: {GUARDS[kind].why}", said
    )
    gate.deploy(case.made | case.changed, "Thing")
    assert gate.thing() != before or cause in GUARDS[kind].lost_by


@pytest.mark.parametrize("kind", ["AWS::SQS::Queue"])
def test_check_mode_tells_what_would_stop_before_anything_else(gate: Gate, kind: str) -> None:
    before, gate.lines = gate.state(), []
    result = gate.deploy(None, check=True)
    assert "Thing" in gate.lines[0]
    assert gate.lines[1].endswith("this stops a deployment without allow: [Thing]")
    assert result["stops"] == [f"Thing ({kind}) would be removed: {GUARDS[kind].why}"]
    assert gate.state() == before


@pytest.mark.parametrize("kind", ["AWS::SQS::Queue"])
def test_what_was_allowed_and_not_needed_is_named(gate: Gate, kind: str) -> None:
    for properties in ({"VisibilityTimeout": 10}, {"VisibilityTimeout": 10}):
        (warning,) = gate.deploy(properties, "Thing")["warnings"]
        assert warning == (
            "allow: Thing wasn't needed. Take it out, so that it allows nothing later."
        )


@pytest.mark.parametrize("kind", ["AWS::IAM::Role", "AWS::EC2::SecurityGroup"])
def test_what_no_output_tells_is_nobody_elses(aws: LocalAws, kind: str) -> None:
    gate = Gate(aws, f"gate-untold-{kind.rpartition(':')[2].lower()}", kind)
    gate._case = Case(gate._case.made, beside=gate._case.beside)
    gate.deploy(gate._case.made)
    gate.deploy(None)
    assert gate.thing() is None


def test_every_kind_is_lost_here_or_named_elsewhere() -> None:
    assert CASES.keys() | ELSEWHERE == GUARDS.keys()
    assert CASES.keys().isdisjoint(ELSEWHERE)
