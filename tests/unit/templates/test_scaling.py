"""What a service's parameters make of the number of its tasks, and of where they run."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.templates.templates import Stack

PLAIN = {"Platform": "shop", "Name": "order-book", "HostName": "orders.example.com"}
POLICY = "AWS::ApplicationAutoScaling::ScalingPolicy"


def service(**given: str) -> Stack:
    """A service with some parameters beside the plainest."""
    return Stack("service", PLAIN | given)


@pytest.mark.parametrize(
    ("given", "metrics"),
    [
        ({}, {}),
        ({"TargetMemoryPercent": "80", "TargetRequestsPerTask": "600"}, {}),
        ({"MaxCount": "5"}, {"ECSServiceAverageCPUUtilization": "60"}),
        ({"MaxCount": "5", "TargetCpuPercent": "0"}, {}),
        (
            {"MaxCount": "5", "TargetCpuPercent": "0", "TargetMemoryPercent": "80"},
            {"ECSServiceAverageMemoryUtilization": "80"},
        ),
        (
            {"MaxCount": "5", "TargetRequestsPerTask": "600"},
            {"ECSServiceAverageCPUUtilization": "60", "ALBRequestCountPerTarget": "600"},
        ),
        (
            {"MaxCount": "5", "TargetRequestsPerTask": "600", "Route": "false"},
            {"ECSServiceAverageCPUUtilization": "60"},
        ),
    ],
)
def test_tasks_are_scaled_by_the_metrics_that_have_a_target(
    given: dict[str, str], metrics: dict[str, Any]
) -> None:
    resources = service(**given).resources.values()
    policies = [it["Properties"] for it in resources if it["Type"] == POLICY]
    configured = [it["TargetTrackingScalingPolicyConfiguration"] for it in policies]
    found = {
        it["PredefinedMetricSpecification"]["PredefinedMetricType"]: it["TargetValue"]
        for it in configured
    }
    assert found == metrics
    assert len({it["PolicyName"] for it in policies}) == len(policies)


def test_requests_are_counted_where_the_load_balancer_counts_them() -> None:
    given = {"LoadBalancerFullName": "app/shop-public/50dc6c49", "TargetRequestsPerTask": "600"}
    policy = service(MaxCount="5", **given).resources["RequestScalingPolicy"]["Properties"]
    metric = policy["TargetTrackingScalingPolicyConfiguration"]["PredefinedMetricSpecification"]
    assert metric["ResourceLabel"].startswith("app/shop-public/50dc6c49/")


@pytest.mark.parametrize(
    ("percent", "on_demand", "spot"),
    [
        (10, 9, 1),
        (20, 8, 2),
        (30, 7, 3),
        (40, 6, 4),
        (50, 1, 1),
        (60, 4, 6),
        (70, 3, 7),
        (100, 0, 1),
    ],
)
def test_a_share_of_the_tasks_is_on_spot(percent: int, on_demand: int, spot: int) -> None:
    given = {"LaunchType": "", "SpotPercent": str(percent), "OnDemandBase": "2"}
    strategy = service(**given).resources["Service"]["Properties"]["CapacityProviderStrategy"]
    assert strategy == [
        {"CapacityProvider": "FARGATE", "Weight": on_demand, "Base": "2"},
        {"CapacityProvider": "FARGATE_SPOT", "Weight": spot},
    ]
    assert spot / (on_demand + spot) == percent / 100


def test_a_service_of_the_role_has_nothing_on_spot_and_yet_spot_can_be_switched_on() -> None:
    """A LaunchType is conditional create-only: given another one, the service may be replaced."""
    properties = service(LaunchType="").resources["Service"]["Properties"]
    assert properties["CapacityProviderStrategy"] == [{"CapacityProvider": "FARGATE", "Weight": 1}]
    assert "LaunchType" not in properties
    cluster = Stack("cluster", {"Platform": "shop"})
    providers = ["FARGATE", "FARGATE_SPOT"]
    assert cluster.resources["Cluster"]["Properties"]["CapacityProviders"] == providers
    assert cluster.outputs["CapacityProviders"] == ",".join(providers)


def test_a_stack_from_before_the_parameter_keeps_its_launch_type_by_the_default() -> None:
    properties = service().resources["Service"]["Properties"]
    assert properties["LaunchType"] == "FARGATE"
    assert "CapacityProviderStrategy" not in properties


@pytest.mark.parametrize(
    ("launch_type", "percent", "holds"),
    [("FARGATE", "0", True), ("FARGATE", "10", False), ("", "0", True), ("", "100", True)],
)
def test_a_share_on_spot_is_refused_where_there_is_a_launch_type(
    launch_type: str, percent: str, *, holds: bool
) -> None:
    stack = service(LaunchType=launch_type, SpotPercent=percent)
    rule = stack.template["Rules"]["SpotNeedsCapacityProviders"]
    asserted = [stack.holds(it["Assert"]) for it in rule["Assertions"]]
    assert (not stack.holds(rule["RuleCondition"]) or all(asserted)) is holds
