"""What a change set says about a resource: its values, and what becomes of its data."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ansible_collections.quayside.fargate.plugins.plugin_utils import change_details, changes
from ansible_collections.quayside.fargate.plugins.plugin_utils.change_details import Detail


def changed(*items: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "Action": "Modify",
        "LogicalResourceId": "Cluster",
        "ResourceType": "AWS::RDS::DBCluster",
        "Details": list(items),
        **more,
    }


def item(path: str, recreation: str = "Never", **more: Any) -> dict[str, Any]:
    name = path.split("/")[2]
    target = {"Attribute": "Properties", "Name": name, "Path": path, "BeforeValue": "a"}
    return {
        "Target": {**target, "AfterValue": "b", "RequiresRecreation": recreation},
        "Evaluation": "Static",
        "ChangeSource": "DirectModification",
        **more,
    }


def test_a_detail_has_its_place_its_values_and_its_effect() -> None:
    assert change_details.details(changed(item("/Properties/EngineVersion", "Conditionally"))) == [
        Detail("EngineVersion", "a", "b", "Conditionally", "", certain=True)
    ]


def test_a_place_that_two_things_change_is_told_once_by_the_greatest_effect() -> None:
    """As AWS answers where a parameter changes that a Ref gives: once for each of the two."""
    place = "/Properties/Environment/Variables/TABLE"
    direct = item(place, Evaluation="Dynamic")
    source = {"ChangeSource": "ParameterReference", "CausingEntity": "TableName"}
    detail = Detail("Environment/Variables/TABLE", "a", "b", "Never", "TableName", certain=True)
    for order in ([direct, item(place, **source)], [item(place, **source), direct]):
        assert change_details.details(changed(*order)) == [detail]


def test_a_detail_without_values_and_without_a_place_is_named() -> None:
    """As AWS answers for tags of the stack, and everything that isn't asked for with values."""
    tags = {"Target": {"Attribute": "Tags", "RequiresRecreation": "Never"}, "Evaluation": "Static"}
    plain = {"Target": {"Attribute": "Properties", "Name": "Port", "RequiresRecreation": "Always"}}
    assert change_details.details(changed(tags, plain)) == [
        Detail("Tags", None, None, "Never", "", certain=True),
        Detail("Port", None, None, "Always", "", certain=True),
    ]


RETAINED = {"Resources": {"Cluster": {"Type": "A::B::C", "DeletionPolicy": "Retain"}}}
ONCE = {"Resources": {"Cluster": {"DeletionPolicy": "RetainExceptOnCreate"}}}
REPLACED = {"Resources": {"Cluster": {"UpdateReplacePolicy": "Snapshot"}}}
GROUP: dict[str, Any] = {"ResourceType": "AWS::Logs::LogGroup"}


@pytest.mark.parametrize(
    ("resource", "template", "told"),
    [
        (changed(), RETAINED, ""),
        (changed(Replacement="False"), REPLACED, ""),
        (changed(Replacement="True"), {}, "Delete"),
        (changed(Replacement="True"), REPLACED, "Snapshot"),
        (changed(Replacement="Conditional"), REPLACED, "Snapshot"),
        (changed(Replacement="True", PolicyAction="ReplaceAndRetain"), {}, "Retain"),
        (changed(Replacement="True", PolicyAction="ReplaceAndDelete"), REPLACED, "Delete"),
        (changed(Action="Remove", PolicyAction="Snapshot"), {}, "Snapshot"),
        (changed(Action="Remove"), {}, "Snapshot"),
        (changed(Action="Remove", **GROUP), {}, "Delete"),
        (changed(Action="Remove", **GROUP), RETAINED, "Retain"),
        (changed(Action="Remove"), ONCE, "Retain"),
        (changed(Action="Remove", ResourceType="AWS::RDS::DBInstance"), {}, "Snapshot"),
        (
            changed(
                Action="Remove",
                ResourceType="AWS::RDS::DBInstance",
                BeforeContext=json.dumps({"Properties": {"DBClusterIdentifier": "shop"}}),
            ),
            {},
            "Delete",
        ),
        (
            changed(
                Replacement="True", AfterContext=json.dumps({"UpdateReplacePolicy": "Snapshot"})
            ),
            {},
            "Snapshot",
        ),
        (
            changed(Action="Remove", BeforeContext='{"Properties": {"cut off by A', **GROUP),
            {},
            "Delete",
        ),
    ],
)
def test_what_becomes_of_the_data_is_what_the_change_set_says_or_else_the_template(
    resource: dict[str, Any], template: dict[str, Any], told: str
) -> None:
    assert change_details.fate(resource, template) == told


def test_an_output_that_becomes_another_text_is_told() -> None:
    stack = {"Outputs": [{"OutputKey": "Version", "OutputValue": "1.0.0"}]}
    outputs = {"Version": {"Value": "1.1.0"}, "Arn": {"Value": {"Ref": "Queue"}}}
    assert changes.literals(stack, {"Outputs": outputs}) == ["output Version: 1.0.0 -> 1.1.0"]


def test_an_output_of_the_same_text_and_one_of_a_function_are_not() -> None:
    stack = {"Outputs": [{"OutputKey": "Version", "OutputValue": "1.1.0"}]}
    outputs = {"Version": {"Value": "1.1.0"}, "Arn": {"Value": {"Ref": "Queue"}}}
    assert changes.literals(stack, {"Outputs": outputs}) == []
    assert changes.literals(None, {}) == []
