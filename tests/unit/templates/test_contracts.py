"""How stacks meet: an output is named as the parameter it fills; only sentinels are imported."""

from __future__ import annotations

import re

import pytest

from tests.unit.templates.templates import FOLDER, NAMES, Stack, load, walk

# template -> the templates whose outputs it takes, and the parameters that they fill
FILLED: dict[str, dict[str, str]] = {
    "support": {"network": "NetworkStack VpcId PrivateSubnetIds"},
    "deployment_role": {
        "support": "DatabaseFunctionArn ListenerPriorityFunctionArn",
    },
    "cluster": {"network": "NetworkStack VpcId PrivateSubnetIds"},
    "load_balancer": {
        "cluster": "VpcId ContainerSecurityGroupId",
        "support": "AlarmTopicArn",
    },
    "rds": {
        "cluster": "VpcId PrivateSubnetIds ContainerSecurityGroupId",
        "support": (
            "FunctionSecurityGroupId PasswordFunctionArn PasswordFunctionRoleArn "
            "DatabaseFunctionRoleArn AlarmTopicArn"
        ),
    },
    "rotation": {
        "support": "VpcId FunctionSubnetIds AlarmTopicArn ArtifactsBucket",
        "rds": "DatabaseSecurityGroupId DatabasePort DatabaseClusterIdentifier",
        "load_balancer": "LoadBalancerFullName",
    },
    "service": {
        "cluster": (
            "VpcId PrivateSubnetIds ClusterName ContainerSecurityGroupId TaskExecutionRoleArn"
        ),
        "support": ("DatabaseFunctionArn DatabaseFunctionRoleArn ListenerPriorityFunctionArn"),
        "deployment_role": "PermissionsBoundaryArn",
        "load_balancer": (
            "ListenerArn ListenerProtocol LoadBalancerDnsName LoadBalancerHostedZoneId "
            "LoadBalancerFullName"
        ),
        "rds": (
            "DatabaseHost DatabasePort DatabaseClusterIdentifier DatabaseAdminUsername "
            "DatabaseAdminPasswordParameter"
        ),
        "rotation": "RotationFunctionArn RotationFunctionRoleArn",
    },
    "service_monitoring": {
        "support": "AlarmTopicArn",
        "cluster": "ClusterName ContainerInsights",
        "load_balancer": "LoadBalancerFullName",
        "service": "LogGroupName TargetGroupFullName",
    },
}
PAIRS = [
    (consumer, producer, parameter)
    for consumer, producers in FILLED.items()
    for producer, parameters in producers.items()
    for parameter in parameters.split()
]
SENTINELS = {
    "network": "shop-network",
    "support": "shop-support",
    "deployment_role": "shop-deployment-all",
    "cluster": "shop-cluster",
    "load_balancer": "shop-load-balancer-public",
    "rds": "shop-rds",
    "rotation": "shop-rotation",
    "service": "shop-service-orders",
}
SERVICE = {"Platform": "shop", "Name": "orders", "HostName": "orders.example.com"}
ALL_USED = {"support", "deployment_role", "cluster", "load_balancer", "rds", "rotation"}


@pytest.mark.parametrize(("consumer", "producer", "parameter"), PAIRS)
def test_an_output_has_the_name_of_the_parameter_it_fills(
    consumer: str, producer: str, parameter: str
) -> None:
    assert parameter in load(producer)["Outputs"]
    assert parameter in load(consumer)["Parameters"]


@pytest.mark.parametrize("consumer", FILLED)
def test_no_output_fills_a_parameter_by_mere_chance(consumer: str) -> None:
    """Outputs of the same name are passed on, so a name that means two things would be a trap."""
    for producer in FILLED[consumer]:
        same = load(producer)["Outputs"].keys() & load(consumer)["Parameters"].keys()
        wanted = {p for c, _, p in PAIRS if c == consumer} | {"Platform"}
        assert same <= wanted


@pytest.mark.parametrize("name", NAMES)
def test_a_stack_exports_its_sentinel_and_nothing_else(name: str) -> None:
    stack = Stack(name, {"Platform": "shop"} | (SERVICE if name == "service" else {}))
    exports = {
        stack.resolve(output["Export"]["Name"]): stack.resolve(output["Value"])
        for output in load(name)["Outputs"].values()
        if "Export" in output
    }
    sentinel = SENTINELS.get(name)  # what watches a service is used by none
    assert exports == ({sentinel: "shop"} if sentinel else {})


@pytest.mark.parametrize("name", NAMES)
def test_imports_are_outputs_since_an_imported_value_freezes_its_export(name: str) -> None:
    imports = [path for path, node in walk(load(name)) if "Fn::ImportValue" in path[-1:]]
    assert all(path[0] == "Outputs" for path in imports)


@pytest.mark.parametrize(
    ("name", "given", "used"),
    [
        ("support", {"NetworkStack": "shop-network"}, {"network"}),
        ("support", {}, set()),
        ("cluster", {"NetworkStack": "shop-network"}, {"network"}),
        ("load_balancer", {}, {"cluster"}),
        ("deployment_role", {}, {"support"}),
        ("rds", {}, {"support", "cluster"}),
        ("service", SERVICE, ALL_USED),
        ("rotation", {}, {"support", "rds"}),
        ("service", SERVICE | {"Database": "false"}, ALL_USED - {"rds", "rotation"}),
        ("service", SERVICE | {"Rotation": "false"}, ALL_USED - {"rotation"}),
        ("service", SERVICE | {"DatabaseUsers": "blue"}, ALL_USED - {"rotation"}),
        ("service", SERVICE | {"Route": "false"}, ALL_USED - {"load_balancer"}),
        # What a service uses can't be deleted before it, and so not before what watches it.
        ("service_monitoring", SERVICE, {"deployment_role", "service"}),
    ],
)
def test_a_stack_imports_the_sentinels_of_those_it_uses(
    name: str, given: dict[str, str], used: set[str]
) -> None:
    outputs = Stack(name, {"Platform": "shop"} | given).outputs.values()
    imported = {match for value in outputs for match in re.findall(r"<import (.+?)>", str(value))}
    assert imported == {SENTINELS[stack] for stack in used}


def test_the_network_stack_passes_through_as_the_name_of_its_export() -> None:
    for name in ("support", "cluster"):
        outputs = Stack(name, {"Platform": "shop", "NetworkStack": "shop-network"}).outputs
        assert outputs["NetworkStack"].replace("<import shop-network>", "shop") == "shop-network"


@pytest.mark.parametrize("name", ["network", "cluster"])
def test_lists_are_joined_by_commas(name: str) -> None:
    for key, value in Stack(name, {"Platform": "shop", "PrivateSubnetIds": "a,b"}).outputs.items():
        if key.endswith("Ids"):
            assert value.count(",") == 1


def test_a_new_service_linked_role_has_time_before_the_cluster_needs_it() -> None:
    """The execution role comes between the two; CloudFormation takes its time to make a role."""
    resources = load("cluster")["Resources"]
    assert resources["Cluster"]["DependsOn"] == "TaskExecutionRole"
    (tag,) = resources["TaskExecutionRole"]["Properties"]["Tags"]
    assert {"Ref": "ServiceLinkedRole"} in [part.get("Value") for part in tag["Fn::If"][1:] if part]


def test_no_tag_only_orders_but_those_that_the_page_explains() -> None:
    tags = {
        str(node)
        for name in NAMES
        for path, node in walk(load(name)["Resources"])
        if path[-1:] == ("Key",) and str(node).startswith("quayside:")
    }
    page = (FOLDER.parent / "docs" / "templates.md").read_text()
    explained = set(re.findall(r"^\| `(quayside:[a-z-]+)` \|", page, re.MULTILINE))
    assert tags - {"quayside:platform", "quayside:service"} == explained
