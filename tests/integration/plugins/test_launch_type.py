"""A service with a launch type keeps it, and that on an older cluster; one with capacity providers
gets another share."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from local_aws.control import LocalAws
from tests import stack_options
from tests.integration.plugins.test_gate import Case, Gate, ref

# test_gate has put the collections on the path
from ansible_collections.quayside.fargate.plugins.plugin_utils.clock import Clock  # isort: skip
from ansible_collections.quayside.fargate.plugins.plugin_utils.deployment import (  # isort: skip
    Deployment,
)
from ansible_collections.quayside.fargate.plugins.plugin_utils.draft import Draft  # isort: skip
from ansible_collections.quayside.fargate.plugins.plugin_utils.errors import (  # isort: skip
    StackError,
)
from ansible_collections.quayside.fargate.plugins.plugin_utils.progress import (  # isort: skip
    Progress,
)

FOLDER = Path(__file__).parent
# As a service was deployed with before there was LaunchType among its parameters.
BEFORE = FOLDER / "templates" / "service-00b2f55.yml"
NOW = FOLDER.parents[2] / "templates" / "compact" / "service.yml"
EXPORTED = ("support", "deployment-all", "cluster")  # whose stacks a service's imports from
CLUSTER = "launched"
BESIDE = {
    "Cluster": {
        "Type": "AWS::ECS::Cluster",
        "Properties": {"ClusterName": CLUSTER, "CapacityProviders": ["FARGATE", "FARGATE_SPOT"]},
    },
    "Definition": {
        "Type": "AWS::ECS::TaskDefinition",
        "Properties": {
            "Family": CLUSTER,
            "RequiresCompatibilities": ["FARGATE"],
            "NetworkMode": "awsvpc",
            "Cpu": "256",
            "Memory": "512",
            "ContainerDefinitions": [{"Name": "app", "Image": "app"}],
        },
    },
}
SERVICE = {
    "ServiceName": CLUSTER,
    "Cluster": ref("Cluster"),
    "TaskDefinition": ref("Definition"),
    "DesiredCount": 0,
}


def strategy(on_demand: int, spot: int) -> dict[str, Any]:
    """A service's properties with a share of its tasks on Spot."""
    weights = {"FARGATE": on_demand, "FARGATE_SPOT": spot}
    items = [{"CapacityProvider": it, "Weight": weight} for it, weight in weights.items()]
    return {**SERVICE, "CapacityProviderStrategy": items}


@pytest.fixture
def gate(aws: LocalAws, monkeypatch: pytest.MonkeyPatch) -> Iterator[Gate]:
    for name, value in aws.environment.items():
        monkeypatch.setenv(name, value)
    gate = Gate(aws, CLUSTER, "AWS::SQS::Queue")
    gate._kind, gate._case = "AWS::ECS::Service", Case(SERVICE, beside=BESIDE)
    yield gate
    client = aws.client("cloudformation")
    client.delete_stack(StackName=CLUSTER)
    client.get_waiter("stack_delete_complete").wait(
        StackName=CLUSTER, WaiterConfig={"Delay": 0.2, "MaxAttempts": 100}
    )


def test_a_launch_type_that_goes_is_refused_before_the_service_is_touched(gate: Gate) -> None:
    gate.deploy({**SERVICE, "LaunchType": "FARGATE"})
    before = gate.thing()
    said = gate.refusal(strategy(1, 0))
    assert "Thing (AWS::ECS::Service) would be replaced for another LaunchType" in said
    assert gate.thing() == before


def test_another_share_on_spot_replaces_nothing(aws: LocalAws, gate: Gate) -> None:
    gate.deploy(strategy(1, 0))
    ecs = aws.client("ecs")

    def seen() -> tuple[Any, Any]:
        (found,) = ecs.describe_services(cluster=CLUSTER, services=[CLUSTER])["services"]
        weights = [it["weight"] for it in found["capacityProviderStrategy"]]
        return found["createdAt"], weights

    made, _ = seen()
    for shares in ((1, 1), (0, 1), (1, 0)):
        gate.deploy(strategy(*shares))
        assert seen() == (made, list(shares))


@dataclass
class Standing:
    """A service without tasks, in a cluster that has no capacity providers.

    given: parameters that each deployment has.
    """

    aws: LocalAws
    given: dict[str, str]
    stack = "old-service-orders"

    @classmethod
    def of(cls, aws: LocalAws) -> Standing:
        """Make what it stands on."""
        ec2 = aws.client("ec2")
        vpc = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
        subnets = ",".join(
            ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.9.{it}.0/24")["Subnet"]["SubnetId"]
            for it in range(2)
        )
        group = ec2.create_security_group(GroupName="old", Description="old", VpcId=vpc)
        aws.client("ecs").create_cluster(clusterName="old")
        topic = {"Topic": {"Type": "AWS::SNS::Topic"}}
        told = {
            it.partition("-")[0].title(): {"Value": it, "Export": {"Name": f"old-{it}"}}
            for it in EXPORTED
        }
        aws.client("cloudformation").create_stack(
            StackName="old-exports",
            TemplateBody=json.dumps({"Resources": topic, "Outputs": told}),
        )
        role = f"arn:aws:iam::{aws.account}:role/old/execution"
        names = {"Platform": "old", "Name": "orders", "Image": "orders:1", "ClusterName": "old"}
        without = {"Route": "false", "Database": "false", "DesiredCount": "0"}
        where = {"VpcId": vpc, "PrivateSubnetIds": subnets, "TaskExecutionRoleArn": role}
        return cls(aws, names | without | where | {"ContainerSecurityGroupId": group["GroupId"]})

    def deploy(self, template: Path, **more: str) -> None:
        """Deploy a template with the action's own code."""
        options = stack_options.options(
            name=self.stack,
            template=template.name,
            parameters=self.given | more,
            region=self.aws.region,
        )
        silent = Progress(lambda *_: None)
        deployment = Deployment(options, Clock(120), check=False, diff=False, progress=silent)
        deployment.present(Draft.of(options, template.read_text(), template.name))

    @property
    def resources(self) -> dict[str, str]:
        """Physical ids by logical ones."""
        stack = self.aws.client("cloudformation").describe_stack_resources(StackName=self.stack)
        return {it["LogicalResourceId"]: it["PhysicalResourceId"] for it in stack["StackResources"]}

    @property
    def seen(self) -> dict[str, Any]:
        """What ECS says of the service."""
        answer = self.aws.client("ecs").describe_services(cluster="old", services=["orders"])
        (found,) = answer["services"]
        deployments = [it["id"] for it in found["deployments"]]
        kept = ("createdAt", "launchType", "capacityProviderStrategy", "taskDefinition")
        return {name: found.get(name) for name in kept} | {"deployments": deployments}


@pytest.fixture(scope="module")
def standing(aws: LocalAws) -> Iterator[Standing]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in aws.environment.items():
            patch.setenv(name, value)
        made = Standing.of(aws)
        made.deploy(BEFORE)
        yield made
    client = aws.client("cloudformation")
    client.delete_stack(StackName=made.stack)
    client.get_waiter("stack_delete_complete").wait(
        StackName=made.stack, WaiterConfig={"Delay": 0.2, "MaxAttempts": 100}
    )


def test_a_service_from_before_keeps_its_launch_type_and_nothing_of_it_is_replaced_or_rolls(
    standing: Standing,
) -> None:
    resources, seen = standing.resources, standing.seen
    assert seen["launchType"] == "FARGATE"
    standing.deploy(NOW)
    assert standing.seen == seen
    assert {name: standing.resources.get(name) for name in resources} == resources
    standing.deploy(NOW, Image="orders:2")
    assert standing.seen["createdAt"] == seen["createdAt"]
    assert standing.seen["launchType"] == "FARGATE"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"SpotPercent": "20"}, "SpotPercent isn't 0, and LaunchType is FARGATE"),
        ({"LaunchType": ""}, "it can't change. Another one replaces the service"),
        ({"LaunchType": "", "SpotPercent": "20"}, "it can't change. Another one replaces"),
    ],
)
def test_it_gets_no_share_on_spot(standing: Standing, given: dict[str, str], said: str) -> None:
    standing.deploy(NOW)
    before = standing.seen
    with pytest.raises(StackError) as refusal:
        standing.deploy(NOW, **given)
    assert said in str(refusal.value)
    assert standing.seen == before
