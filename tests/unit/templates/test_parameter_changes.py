"""The tables of docs/templates.md say of every parameter what another value does, and are true."""

from __future__ import annotations

import re
from itertools import product

import pytest

from docs import parameter_changes as changes
from tests.unit.templates.templates import NAMES, load

PARAMETERS = [(name, parameter) for name in NAMES for parameter in load(name)["Parameters"]]
# What holds data, a name that others know, or every request of a service.
LASTING = {
    "AWS::DynamoDB::Table",
    "AWS::EC2::VPC",
    "AWS::ECS::Cluster",
    "AWS::ECS::Service",
    "AWS::ElasticLoadBalancingV2::LoadBalancer",
    "AWS::ElasticLoadBalancingV2::TargetGroup",
    "AWS::KMS::Key",
    "AWS::Lambda::Function",
    "AWS::Logs::LogGroup",
    "AWS::RDS::DBCluster",
    "AWS::SecretsManager::Secret",
}
# template, parameter -> why it may change where it is fixed in others
FREE = {
    ("service_monitoring", "Team"): "no key names the team, and names of alarms are a service's"
}
# template, parameter -> why its change may replace something of that kind
REPLACING = {("rds", "SnapshotIdentifier"): "a restored cluster takes the place of the old one"}


def refused(name: str, parameter: str) -> bool:
    """Whether the parameter can't change while it would do any harm."""
    return parameter in changes.fixed(name)


def test_the_page_begins_with_a_row_for_each_template() -> None:
    head = changes.PAGE.read_text().split("## ")[0]
    rows = re.findall(r"^\| `P-[^|]+\| (\w+)\.yml \|", head, re.MULTILINE)
    assert sorted(rows) == sorted(NAMES)


def test_the_tables_are_those_of_the_templates() -> None:
    """After a change of a template: python docs/parameter_changes.py."""
    text = changes.PAGE.read_text()
    assert changes.page(text) == text


def test_every_template_has_its_table() -> None:
    assert set(changes.templates()) == set(NAMES)


@pytest.mark.parametrize(("name", "parameter"), changes.NOTES)
def test_a_note_is_about_a_parameter(name: str, parameter: str) -> None:
    assert parameter in load(name)["Parameters"]


@pytest.mark.parametrize(("name", "parameter"), PARAMETERS)
def test_what_lasts_is_replaced_by_no_parameter_that_may_change(name: str, parameter: str) -> None:
    if (name, parameter) in REPLACING or refused(name, parameter):
        return
    replaced = {
        it.resource
        for it in changes.touches(name, parameter)
        if it.how == changes.REPLACES and it.type in LASTING
    }
    assert replaced == set()


@pytest.mark.parametrize(
    ("name", "parameter"), list(product(NAMES, ["Platform", "VpcId", "ClusterName", "Team"]))
)
def test_what_every_name_begins_with_and_where_a_stack_lives_are_fixed(
    name: str, parameter: str
) -> None:
    if (name, parameter) in FREE or parameter not in load(name)["Parameters"]:
        return
    assert refused(name, parameter)


def test_another_container_port_rolls_and_leaves_the_route_alone() -> None:
    touched = {it.resource for it in changes.touches("service", "ContainerPort")}
    assert touched == {"TaskDefinition", "Service"}
    assert changes.effect("service", "ContainerPort") == "rolling deployment"


def test_a_port_of_the_targets_own_would_be_seen() -> None:
    """The schema says that a target group's Port is create-only."""
    assert changes._how("AWS::ElasticLoadBalancingV2::TargetGroup", "/properties/Port") == (
        changes.REPLACES
    )


def test_a_replaced_resource_takes_along_what_can_not_follow_it() -> None:
    touched = {
        it.resource: it.how
        for it in changes.touches("rds", "SnapshotIdentifier")
        if it.how == changes.REPLACES
    }
    assert {"Cluster", "FirstInstance"} <= touched.keys()


def test_a_condition_adds_and_removes() -> None:
    assert changes.effect("network", "FlowLogs") == (
        "adds or removes: FlowLog, FlowLogGroup, FlowLogRole"
    )
