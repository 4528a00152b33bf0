"""What ECS does with target groups that come, change and go in a template."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from local_aws.control import LocalAws
from tests.integration.local_aws.support import (
    LOAD_BALANCER,
    Stacks,
    eventually,
    service_template,
)

Template = dict[str, Any]


@pytest.fixture(scope="module")
def parameters(aws: LocalAws) -> Iterator[dict[str, str]]:
    stacks = Stacks(aws)
    template = LOAD_BALANCER | {"Resources": dict(LOAD_BALANCER["Resources"])}
    template["Resources"]["Cluster"] = {
        "Type": "AWS::ECS::Cluster",
        "Properties": {"ClusterName": "targets"},
    }
    listener = stacks.deploy("targets-balancer", template)["ListenerArn"]
    yield {"ListenerArn": listener, "Cluster": "targets", "Count": "1"}
    stacks.delete("targets-balancer")


def deploy(stacks: Stacks, name: str, template: Template, parameters: dict[str, str]) -> None:
    stacks.deploy(name, template, Host=f"{name}.example", Priority="77", **parameters)


def without_route(image: str, **service: Any) -> Template:
    """The template without target group and rule; the service keeps what it is given."""
    template = service_template(image)
    del template["Resources"]["TargetGroup"], template["Resources"]["Rule"]
    del template["Resources"]["Service"]["DependsOn"], template["Outputs"]
    properties = template["Resources"]["Service"]["Properties"]
    del properties["LoadBalancers"]
    properties |= service
    return template


def balancers(aws: LocalAws, name: str) -> list[dict[str, Any]]:
    ecs = aws.client("ecs")
    [service] = ecs.describe_services(cluster="targets", services=[name])["services"]
    return list(service["loadBalancers"])


def targets(aws: LocalAws, group: str) -> list[str]:
    health = aws.client("elbv2").describe_target_health(TargetGroupArn=group)
    return [each["Target"]["Id"] for each in health["TargetHealthDescriptions"]]


def test_load_balancers_that_a_template_no_longer_has_stay_and_their_loss_is_told(
    aws: LocalAws, stacks: Stacks, image: str, parameters: dict[str, str]
) -> None:
    deploy(stacks, "absent", service_template(image), parameters)
    before = balancers(aws, "absent")
    deploy(stacks, "absent", without_route(image), parameters)
    assert balancers(aws, "absent") == before
    with pytest.raises(AssertionError, match=r"The target group \S+ does not exist"):
        deploy(stacks, "absent", without_route(image, DesiredCount=2), parameters)
    eventually(lambda: stacks.status("absent") == "UPDATE_ROLLBACK_FAILED")


def test_an_empty_list_of_load_balancers_takes_them_away(
    aws: LocalAws, stacks: Stacks, image: str, parameters: dict[str, str]
) -> None:
    deploy(stacks, "emptied", service_template(image), parameters)
    emptied = without_route(image, LoadBalancers=[])
    deploy(stacks, "emptied", emptied, parameters)
    assert balancers(aws, "emptied") == []
    emptied["Resources"]["Service"]["Properties"]["DesiredCount"] = 2
    deploy(stacks, "emptied", emptied, parameters)


def test_a_task_is_registered_in_the_target_group_of_its_deployment_alone(
    aws: LocalAws, stacks: Stacks, image: str, parameters: dict[str, str]
) -> None:
    template = service_template(image)
    group = template["Resources"]["TargetGroup"]["Properties"]
    group["Port"] = 80
    name = "replaced"
    deploy(stacks, name, template, parameters)
    first = stacks.outputs(name)["TargetGroup"]
    old = targets(aws, first)
    assert len(old) == 1
    group["Port"] = 81
    aws.fail(name, "Service", "UPDATE", after=False)
    with pytest.raises(AssertionError, match="Injected failure"):
        deploy(stacks, name, template, parameters)
    assert targets(aws, first) == old
    deploy(stacks, name, template, parameters)
    second = stacks.outputs(name)["TargetGroup"]
    assert second != first
    assert set(targets(aws, second)).isdisjoint(old)
    assert len(targets(aws, second)) == 1


def test_a_target_group_is_called_in_metrics_as_the_end_of_its_arn(aws: LocalAws) -> None:
    """`targetgroup/NAME/ID` (CloudFormation's page on the type, "Return values")."""
    stacks = Stacks(aws)
    group = {
        "Type": "AWS::ElasticLoadBalancingV2::TargetGroup",
        "Properties": {"VpcId": "vpc-1", "Protocol": "HTTP", "Port": 80, "TargetType": "ip"},
    }
    names = {
        "Arn": {"Value": {"Ref": "Group"}},
        "FullName": {"Value": {"Fn::GetAtt": ["Group", "TargetGroupFullName"]}},
    }
    outputs = stacks.deploy("targets-named", {"Resources": {"Group": group}, "Outputs": names})
    assert outputs["FullName"].startswith("targetgroup/")
    assert outputs["Arn"].endswith(f":{outputs['FullName']}")
    stacks.delete("targets-named")
