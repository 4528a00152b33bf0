"""What several templates have reads the same in all of them, so that a change comes to each.

Parameters, rules and outputs by their members, conditions and resources by their text, comments
among it. What differs on purpose stands in a table, with the reason.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from itertools import pairwise
from typing import Any

import pytest
from cfnlint.decode import cfn_yaml

from tests.unit.templates.templates import FOLDER, NAMES
from tests.unit.templates.test_order import entries

MOST_PARAMETERS = 150  # CloudFormation takes 200 (its quotas); what overrides add needs room
Texts = Mapping[str, str]

_OPTIONAL = {"AllowedPattern", "ConstraintDescription", "Default", "Description"}
_OWN = "each stack says what is its own about it"
_SHORTER = "service.yml has no room for the longer sentence: 51,200 bytes are a template's most"
_MADE_OR_TOLD = "the network makes it, the others pass on what they were told"
Allowed = Mapping[str, tuple[set[str], str]]
# Parameter -> the members that may differ, and why.
PARAMETERS: Allowed = {
    "AlarmCpuPercent": ({"Description"}, _OWN),
    "AlarmTopicArn": (_OPTIONAL, "the rotation can't do without alarms"),
    "ContainerInsights": ({"Description"}, _OWN),
    "ContainerSecurityGroupId": ({"Description"}, _OWN),
    "Dashboard": ({"Description"}, _OWN),
    "DatabaseClusterIdentifier": ({"Description"}, _OWN),
    "DatabaseFunctionArn": (_OPTIONAL, "a service may have no database"),
    "DatabaseFunctionRoleArn": (_OPTIONAL, "a service may have no database"),
    "DatabasePort": ({"Default", "Description"}, "a service may have no database"),
    "DeletionProtection": ({"Default", "Description"}, "a load balancer holds no data"),
    "FirstCreation": ({"Description"}, _OWN),
    "ListenerPriorityFunctionArn": (_OPTIONAL, "a service may have no route"),
    "LoadBalancerFullName": ({"Description"}, _OWN),
    "LogRetentionDays": ({"Description"}, _OWN),
    "Name": (_OPTIONAL, "a load balancer's name, of which AWS takes less, and a service's"),
    "PermissionsBoundaryArn": ({"Description"}, _OWN),
    "PrivateSubnetIds": ({"Description"}, _OWN),
    "Team": ({"Description"}, "the role's own team, and the one that deploys a service"),
    "VpcId": ({"Description"}, _OWN),
}
OUTPUTS: Allowed = {
    "ClusterStack": ({"Description"}, _SHORTER),
    "DeletionProtection": ({"Description"}, _OWN),
    "NetworkStack": ({"Condition", "Description", "Value"}, _MADE_OR_TOLD),
    "Platform": ({"Description", "Export"}, "each stack has an export of its own"),
    "PrivateSubnetIds": ({"Description", "Value"}, _MADE_OR_TOLD),
    "RdsStack": ({"Condition", "Description"}, "a service may have no database; " + _SHORTER),
    "SupportStack": ({"Description"}, _SHORTER),
    "Template": ({"Value"}, "it is the template's own name"),
    "VpcId": ({"Description", "Value"}, _MADE_OR_TOLD),
}
# What is held against each other member by member.
DIFFERENT: Mapping[str, Allowed] = {"Parameters": PARAMETERS, "Rules": {}, "Outputs": OUTPUTS}
# Resource -> the template that has another thing of that name.
NAMESAKES = {
    "Cluster": "rds",
    "CpuAlarm": "rds",
    "FunctionSecurityGroup": "rotation",
    "Key": "rds",
    "KeyAlias": "rds",
    "MemoryAlarm": "rds",
    "PingRule": "rotation",
    "ServerErrorAlarm": "load_balancer",
}


def texts() -> dict[str, str]:
    """Return the templates by name."""
    return {name: (FOLDER / f"{name}.yml").read_text() for name in NAMES}


def parts(text: str, part: str) -> dict[str, str]:
    """Return what a part of a template has by name, each as it is written."""
    lines = text.splitlines()
    return {it.name: "\n".join(lines[it.first : it.last + 1]) for it in entries(text, part)}


def differences(templates: Texts) -> Iterator[tuple[str, str]]:
    """Yield kind and name of whatever doesn't read the same in two templates that have it.

    Of a parameter, a rule and an output it is each member, as ``Name.Default``.
    """
    for part in (*DIFFERENT, "Conditions", "Resources"):
        written = {name: parts(text, part) for name, text in templates.items()}
        for name in sorted({it for found in written.values() for it in found}):
            holders = [it for it in written if name in written[it] and NAMESAKES.get(name) != it]
            for one, other in pairwise(holders):
                if part in DIFFERENT:
                    pair = (loaded(templates[it])[part][name] for it in (one, other))
                    yield from ((part, f"{name}.{it}") for it in members(*pair))
                elif written[one][name] != written[other][name]:
                    yield part, name


@cache
def loaded(text: str) -> dict[str, Any]:
    """Return a template's values."""
    document: dict[str, Any] = cfn_yaml.loads(text)
    return document


def members(one: Mapping[str, Any], other: Mapping[str, Any]) -> set[str]:
    """Return the members that differ between two of the same name."""
    return {it for it in {*one, *other} if one.get(it) != other.get(it)}


def allowed(kind: str) -> set[str]:
    """Return what may differ of a kind, each member as ``Name.Default``."""
    table = DIFFERENT.get(kind, {}).items()
    return {f"{name}.{it}" for name, (members_of_it, _why) in table for it in members_of_it}


def test_what_templates_share_reads_the_same() -> None:
    found = differences(texts())
    assert [(kind, name) for kind, name in found if name not in allowed(kind)] == []


def test_every_difference_that_is_allowed_is_there() -> None:
    found = {*differences(texts())}
    assert {(kind, name) for kind in DIFFERENT for name in allowed(kind)} - found == set()
    for name, holder in NAMESAKES.items():
        assert name in parts(texts()[holder], "Resources")


@pytest.mark.parametrize(
    ("kind", "name", "before", "after"),
    [
        ("Parameters", "Cpu.Default", "    Default: 256", "    Default: 512"),
        ("Parameters", "HostName.Description", "Description: Host", "Description: A host"),
        ("Rules", "GreenNeedsGreen.Assertions", "ActiveUser is green, and", "It is green, and"),
        ("Outputs", "Url.Description", "Address of the service.", "Address."),
        ("Conditions", "HasTakeOver", '[!Ref TakesOver, ""]', "[!Ref TakesOver, none]"),
        ("Resources", "KeyAlias", "!Ref Key\n", "!Ref Key # its own\n"),
        ("Resources", "Service", "PropagateTags: SERVICE", "PropagateTags: NONE"),
    ],
)
def test_a_drift_between_a_service_and_another_kind_of_it_is_seen(
    kind: str, name: str, before: str, after: str
) -> None:
    """A worker begins as a copy of the service, and one of the two is then changed alone."""
    service = texts()["service"]
    assert service.count(before) == 1 or kind == "Parameters"
    worker = service.replace(before, after, 1)
    assert list(differences({"service": service, "worker": worker})) == [(kind, name)]


def test_a_copy_has_no_differences() -> None:
    service = texts()["service"]
    assert list(differences({"service": service, "worker": service})) == []


@pytest.mark.parametrize("name", NAMES)
def test_a_template_has_room_for_more_parameters(name: str) -> None:
    assert 0 < len(parts(texts()[name], "Parameters")) <= MOST_PARAMETERS


def test_a_heading_is_no_part_of_what_stands_above_it() -> None:
    found: Any = parts(
        "Resources:\n  # --- A ---\n\n  One:\n    Type: X\n\n  # --- B ---\n", "Resources"
    )
    assert found == {"One": "  One:\n    Type: X"}
    assert not re.search("---", found["One"])
