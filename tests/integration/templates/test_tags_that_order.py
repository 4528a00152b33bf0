"""Two tags order what DependsOn can't (docs/templates.md, Tags that order): without them it fails.

CloudFormation makes what depends on nothing in any order, the local AWS in that of the names: here
what must come first has a name that comes last.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.integration.templates import conftest
from tests.integration.templates.conftest import Platform

RULE_TAG = re.compile(r"\n +Tags:\n(?: +#.*\n)+ +- !If \[HasRoute, \{Key: quayside:listener-rule.*")
ROLE_TAG = re.compile(r"\n +Tags:\n +- !If\n +- HasServiceLinkedRole\n(?: +- .*\n){2}")


def last(text: str, resource: str) -> str:
    """Return a template with a resource called Z..., with what refers to it."""
    renamed, count = re.subn(rf"(^  |!Ref ){resource}\b", rf"\1Z{resource}", text, flags=re.M)
    assert count > 1, resource
    return renamed


def without(text: str, tag: re.Pattern[str]) -> str:
    """Return a template without a tag."""
    stripped, count = tag.subn("\n", text)
    assert count == 1
    return stripped


@pytest.fixture
def service_template(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The template of services that the platform deploys in this test; the rule comes last."""
    path = tmp_path / "service.yml"
    path.write_text(last((conftest.TEMPLATES / "service.yml").read_text(), "ListenerRule"))
    monkeypatch.setattr(conftest, "TEMPLATES", tmp_path)
    return path


def test_ecs_is_asked_for_a_service_once_a_rule_leads_to_its_target_group(
    platform: Platform, hello: str, service_template: Path
) -> None:
    platform.service("tagged", hello, Database="false")
    platform.delete("service-tagged")


def test_without_its_tag_ecs_refuses_the_service(
    platform: Platform, hello: str, service_template: Path
) -> None:
    service_template.write_text(without(service_template.read_text(), RULE_TAG))
    with pytest.raises(AssertionError, match="does not have an associated load balancer"):
        platform.service("untagged", hello, Database="false")
    platform.cloudformation.delete_stack(StackName="shop-service-untagged")


def made(platform: Platform, name: str, text: str) -> list[str]:
    """Return what a cluster stack made, in that order, and delete it with ECS's own role."""
    stack, network = f"{name}-cluster", platform.outputs["network"]
    given = {"Platform": name, "CreateServiceLinkedRole": "true", "VpcId": network["VpcId"]}
    given["PrivateSubnetIds"] = network["PrivateSubnetIds"]
    parameters = [{"ParameterKey": key, "ParameterValue": it} for key, it in given.items()]
    platform.cloudformation.create_stack(
        StackName=stack, TemplateBody=text, Parameters=parameters, Capabilities=["CAPABILITY_IAM"]
    )
    quick = {"Delay": 0.2, "MaxAttempts": 100}
    waiter = platform.cloudformation.get_waiter("stack_create_complete")
    waiter.wait(StackName=stack, WaiterConfig=quick)
    events = platform.cloudformation.describe_stack_events(StackName=stack)["StackEvents"]
    platform.cloudformation.delete_stack(StackName=stack)
    waiter = platform.cloudformation.get_waiter("stack_delete_complete")
    waiter.wait(StackName=stack, WaiterConfig=quick)
    platform.aws.client("iam").delete_service_linked_role(RoleName="AWSServiceRoleForECS")
    return [
        event["LogicalResourceId"]
        for event in reversed(events)
        if event["ResourceStatus"] == "CREATE_COMPLETE"
    ]


def test_ecs_own_role_comes_before_the_cluster_by_its_tag(platform: Platform) -> None:
    """A cluster without it makes one, which the template's then collides with."""
    text = last((conftest.TEMPLATES / "cluster.yml").read_text(), "ServiceLinkedRole")
    wanted = ["ZServiceLinkedRole", "TaskExecutionRole", "Cluster"]
    tagged, untagged = (
        made(platform, "tagged", text),
        made(platform, "untagged", without(text, ROLE_TAG)),
    )
    assert [it for it in tagged if it in wanted] == wanted
    assert [it for it in untagged if it in wanted] == [*wanted[1:], wanted[0]]
