"""Change sets list what conditions make true, and can be executed when something changes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from local_aws.control import LocalAws
from tests.integration.local_aws.support import Stacks

NETWORK = (Path(__file__).parents[3] / "templates" / "network.yml").read_text()
OPTION: dict[str, Any] = {
    "Parameters": {"Wanted": {"Type": "String", "Default": "no"}},
    "Conditions": {"IsWanted": {"Fn::Equals": [{"Ref": "Wanted"}, "yes"]}},
    "Resources": {
        "Always": {
            "Type": "AWS::SSM::Parameter",
            "Properties": {"Name": "/changes/always", "Type": "String", "Value": "1"},
        },
        "Sometimes": {
            "Type": "AWS::SSM::Parameter",
            "Condition": "IsWanted",
            "Properties": {"Name": "/changes/sometimes", "Type": "String", "Value": "1"},
        },
    },
    "Outputs": {"Kind": {"Value": "plain"}},
}


def changes(change_set: dict[str, Any]) -> dict[str, str]:
    return {
        change["ResourceChange"]["LogicalResourceId"]: change["ResourceChange"]["Action"]
        for change in change_set["Changes"]
    }


def names(aws: LocalAws) -> set[str]:
    found = aws.client("ssm").get_parameters_by_path(Path="/changes")["Parameters"]
    return {parameter["Name"] for parameter in found}


def test_a_condition_that_flips_adds_and_removes(aws: LocalAws, stacks: Stacks) -> None:
    created = stacks.change_set("option", OPTION)
    assert changes(created) == {"Always": "Add"}
    stacks.execute(created)
    added = stacks.change_set("option", OPTION, Wanted="yes")
    assert changes(added) == {"Sometimes": "Add"}
    stacks.execute(added)
    assert names(aws) == {"/changes/always", "/changes/sometimes"}
    removed = stacks.change_set("option", OPTION, Wanted="no")
    assert changes(removed) == {"Sometimes": "Remove"}
    stacks.execute(removed)
    assert names(aws) == {"/changes/always"}


def test_the_flow_logs_of_a_network_are_switched_on_and_off(aws: LocalAws, stacks: Stacks) -> None:
    parameters = {"Platform": "changes", "NatGateways": "none"}
    stacks.execute(stacks.change_set("flow-logs", NETWORK, **parameters))
    ec2 = aws.client("ec2")
    before = len(ec2.describe_flow_logs()["FlowLogs"])
    for wanted, action, count in (("enabled", "Add", 1), ("disabled", "Remove", 0)):
        flipped = stacks.change_set("flow-logs", NETWORK, FlowLogs=wanted, **parameters)
        assert changes(flipped).items() >= {"FlowLog": action, "FlowLogGroup": action}.items()
        stacks.execute(flipped)
        assert len(ec2.describe_flow_logs()["FlowLogs"]) == before + count


@pytest.mark.parametrize(
    "outputs",
    [{"Kind": {"Value": "other"}}, {"More": {"Value": "plain"}}, {}],
    ids=["changed", "renamed", "removed"],
)
def test_outputs_alone_make_a_change_set_without_changes_that_can_be_executed(
    stacks: Stacks, outputs: dict[str, Any]
) -> None:
    stacks.execute(stacks.change_set("outputs", OPTION))
    changed = stacks.change_set("outputs", OPTION | {"Outputs": outputs})
    assert (changed["Status"], changed["ExecutionStatus"]) == ("CREATE_COMPLETE", "AVAILABLE")
    assert changed["Changes"] == []
    stacks.execute(changed)
    assert stacks.outputs("outputs") == {name: o["Value"] for name, o in outputs.items()}


def test_what_changes_nothing_cannot_be_executed(stacks: Stacks) -> None:
    stacks.execute(stacks.change_set("nothing", OPTION))
    unchanged = stacks.change_set("nothing", OPTION)
    assert (unchanged["Status"], unchanged["ExecutionStatus"]) == ("FAILED", "UNAVAILABLE")


def test_a_stack_without_a_resource_whose_condition_holds_is_created(stacks: Stacks) -> None:
    template = OPTION | {"Resources": {"Sometimes": OPTION["Resources"]["Sometimes"]}}
    empty = stacks.change_set("empty", template)
    assert (empty["Status"], empty["Changes"]) == ("CREATE_COMPLETE", [])
    stacks.execute(empty)
    assert stacks.outputs("empty") == {"Kind": "plain"}


def described(change_set: dict[str, Any], resource: str) -> dict[str, Any]:
    changed: dict[str, dict[str, Any]] = {
        each["ResourceChange"]["LogicalResourceId"]: each["ResourceChange"]
        for each in change_set["Changes"]
    }
    return changed[resource]


VALUES: dict[str, Any] = {
    "Parameters": {
        "Days": {"Type": "Number", "Default": "1"},
        "Secret": {"Type": "String", "NoEcho": True, "Default": "not-shown"},
        "Named": {"Type": "String", "Default": "/values/one"},
    },
    "Resources": {
        "Group": {
            "Type": "AWS::Logs::LogGroup",
            "UpdateReplacePolicy": "Retain",
            "Properties": {"LogGroupName": {"Ref": "Named"}, "RetentionInDays": {"Ref": "Days"}},
        },
        "Told": {
            "Type": "AWS::SSM::Parameter",
            "Properties": {
                "Type": "String",
                "Value": {"Fn::Sub": "${Group} ${Secret}"},
                "Description": {"Ref": "Days"},
            },
        },
    },
}


def test_values_are_told_before_and_after(stacks: Stacks) -> None:
    stacks.execute(stacks.change_set("values", VALUES))
    changed = stacks.change_set("values", VALUES, Days="3")
    group = described(changed, "Group")
    assert group["Replacement"] == "False"
    assert json.loads(group["BeforeContext"]) == {
        "Properties": {"LogGroupName": "/values/one", "RetentionInDays": "1"},
        "UpdateReplacePolicy": "Retain",
    }
    assert json.loads(group["AfterContext"])["Properties"]["RetentionInDays"] == "3"
    target = group["Details"][0]["Target"]
    assert target == target | {
        "Name": "RetentionInDays",
        "Path": "/Properties/RetentionInDays",
        "BeforeValue": "1",
        "AfterValue": "3",
        "AttributeChangeType": "Modify",
    }
    told = json.loads(described(changed, "Told")["AfterContext"])["Properties"]
    assert told["Value"] == "/values/one ****"


def test_each_place_is_told_by_itself_with_what_changes_it(stacks: Stacks) -> None:
    """As in the user guide: down to the single value, a new item of a list as JSON."""

    def queue(label: str, *more: dict[str, Any]) -> dict[str, Any]:
        tags = [{"Key": "days", "Value": {"Ref": "Days"}}, {"Key": "label", "Value": label}, *more]
        properties = {"Tags": tags, "DelaySeconds": {"Ref": "Days"}}
        return VALUES | {
            "Resources": {"Queue": {"Type": "AWS::SQS::Queue", "Properties": properties}}
        }

    stacks.execute(stacks.change_set("places", queue("one")))
    new = {"Key": "new", "Value": "x"}
    changed = described(stacks.change_set("places", queue("two", new), Days="3"), "Queue")
    told = {
        (
            each["Target"]["Path"].removeprefix("/Properties/"),
            each["Evaluation"],
            each.get("CausingEntity", ""),
            each["Target"].get("BeforeValue"),
            each["Target"].get("AfterValue"),
        )
        for each in changed["Details"]
    }
    assert told == {
        ("DelaySeconds", "Dynamic", "", "1", "3"),
        ("DelaySeconds", "Static", "Days", "1", "3"),
        ("Tags/0/Value", "Dynamic", "", "1", "3"),
        ("Tags/0/Value", "Static", "Days", "1", "3"),
        ("Tags/1/Value", "Static", "", "one", "two"),
        ("Tags/2", "Static", "", None, '{"Key":"new","Value":"x"}'),
    }


def test_a_change_of_a_create_only_property_replaces(stacks: Stacks) -> None:
    stacks.execute(stacks.change_set("anew", VALUES, Named="/values/two"))
    changed = stacks.change_set("anew", VALUES, Named="/values/three", Days="3")
    group = described(changed, "Group")
    assert (group["Replacement"], group["PolicyAction"]) == ("True", "ReplaceAndRetain")
    told = json.loads(described(changed, "Told")["AfterContext"])["Properties"]
    assert told["Value"] == "{{changeSet:KNOWN_AFTER_APPLY}}"


def test_values_are_told_to_those_who_ask(stacks: Stacks) -> None:
    made = stacks.change_set("unasked", VALUES, Named="/values/four")
    plain = stacks.cloudformation.describe_change_set(ChangeSetName=made["ChangeSetId"])
    assert "AfterContext" in described(made, "Group")
    assert "BeforeContext" not in described(made, "Group")
    assert "AfterContext" not in described(plain, "Group")
