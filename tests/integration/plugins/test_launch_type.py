"""A service with a launch type gets no capacity providers; one that has them, another share."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from local_aws.control import LocalAws
from tests.integration.plugins.test_gate import Case, Gate, ref

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
