"""What a deployment would change is told in few lines, and first what may be lost."""

from __future__ import annotations

import json
from typing import Any

from ansible_collections.quayside.fargate.plugins.plugin_utils import changes, preview

TEMPLATE: dict[str, Any] = {
    "Resources": {
        name: {"Type": kind, "Properties": {"A": "1", "B": "2"}}
        for name, kind in {
            "Task": "AWS::ECS::TaskDefinition",
            "Service": "AWS::ECS::Service",
            "Cpu": "AWS::CloudWatch::Alarm",
            "Memory": "AWS::CloudWatch::Alarm",
            "Key": "AWS::KMS::Key",
            "Group": "AWS::Logs::LogGroup",
        }.items()
    }
}


def changed(name: str, action: str = "Modify", *details: Any, **more: Any) -> dict[str, Any]:
    kind = TEMPLATE["Resources"][name]["Type"]
    about = {"LogicalResourceId": name, "ResourceType": kind, "Details": list(details)}
    return {"ResourceChange": {"Action": action, **about, **more}}


def place(path: str, before: str, after: str, cause: str = "") -> dict[str, Any]:
    target = {
        "Attribute": "Properties",
        "Name": path.partition("/")[0],
        "Path": f"/Properties/{path}",
    }
    source = {"CausingEntity": cause} if cause else {}
    return {"Target": {**target, "BeforeValue": before, "AfterValue": after}, **source}


def told(*described: dict[str, Any], notes: tuple[str, ...] = (), **more: Any) -> list[str]:
    made = changes.from_change_set(
        described, changes.Templates(TEMPLATE), verbose=more.get("verbose", False)
    )
    return list(preview.lines("shop", made, notes, **more))


NEW_IMAGE = changed(
    "Task",
    "Modify",
    place("Image", "orders:1", "orders:2", "Image"),
    Replacement="True",
    PolicyAction="ReplaceAndDelete",
)


def test_what_changes_only_since_something_else_does_stands_in_one_line() -> None:
    assert told(
        changed(
            "Cpu", "Modify", place("A", "1", "{{changeSet:KNOWN_AFTER_APPLY}}", "Service.Name")
        ),
        changed("Service", "Modify", place("Task", "arn:1", "arn:2", "Task")),
        NEW_IMAGE,
        notes=("parameter Image: orders:1 -> orders:2", "parameter Other: 1 -> 2"),
    ) == [
        "stack shop changes",
        "  parameter Other: 1 -> 2",
        "-/+ Task (AWS::ECS::TaskDefinition) is replaced, the old one is deleted",
        "    Image: orders:1 -> orders:2",
        "  follow: Cpu (A), Service (Task)",
    ]


def test_what_follows_and_has_another_reason_too_is_shown() -> None:
    both = (place("Task", "arn:1", "arn:2", "Task"), place("Count", "1", "2"))
    shown = told(changed("Service", "Modify", *both), NEW_IMAGE)
    assert "    Count: 1 -> 2" in shown
    assert not any("follow" in line for line in shown)


def test_what_would_be_replaced_for_it_is_shown_with_its_data() -> None:
    follower = changed("Group", "Modify", place("A", "1", "2", "Task"), Replacement="Conditional")
    assert "-/+ Group (AWS::Logs::LogGroup) may be replaced, the old one is deleted" in told(
        follower, NEW_IMAGE
    )


def test_what_goes_stands_first_then_what_is_replaced() -> None:
    shown = told(
        changed("Cpu", "Add"),
        changed("Service", "Modify", place("Count", "1", "2")),
        NEW_IMAGE,
        changed("Key", "Remove", PolicyAction="Retain"),
        changed("Group", "Remove", PolicyAction="Delete"),
    )
    assert [line for line in shown if not line.startswith("    ")] == [
        "stack shop changes",
        "- Key (AWS::KMS::Key) is removed, and stays in AWS",
        "- Group (AWS::Logs::LogGroup) is removed, and is deleted",
        "-/+ Task (AWS::ECS::TaskDefinition) is replaced, the old one is deleted",
        "~ Service (AWS::ECS::Service)",
        "  + CloudWatch: 1 Alarm (Cpu)",
    ]


ALL = [
    changed(name, "Add", AfterContext=json.dumps({"Properties": {"A": "1", "B": "2"}}))
    for name in TEMPLATE["Resources"]
]


def test_a_new_stack_is_a_list_of_its_resources_by_kind() -> None:
    notes = ("parameter Cpu: (none) -> 256",)
    assert told(*ALL, notes=notes, state=preview.NEW) == [
        "stack shop is new: 6 resources",
        "  + CloudWatch: 2 Alarm (Cpu, Memory)",
        "  + ECS: 1 TaskDefinition (Task), 1 Service (Service)",
        "  + KMS: 1 Key (Key)",
        "  + Logs: 1 LogGroup (Group)",
    ]


def test_a_new_stack_is_shown_whole_with_v() -> None:
    shown = told(*ALL, notes=("parameter Cpu: 256",), state=preview.NEW, verbose=True)
    assert shown[:2] == ["stack shop is new: 6 resources", "  parameter Cpu: 256"]
    assert shown[2:5] == ["+ Task (AWS::ECS::TaskDefinition)", "    A: 1", "    B: 2"]
    assert len(shown) == 2 + 3 * len(ALL)


def test_a_deleted_stack_says_first_what_stays() -> None:
    template = {
        "Resources": {
            **TEMPLATE["Resources"],
            "Key": {"Type": "AWS::KMS::Key", "DeletionPolicy": "Retain"},
            "Data": {
                "Type": "Custom::Database",
                "Properties": {"DeletionPolicy": {"Ref": "DatabaseDeletion"}},
            },
            "Cluster": {"Type": "AWS::RDS::DBCluster"},
        }
    }
    resources = [
        {
            "LogicalResourceId": name,
            "ResourceType": body["Type"],
            "ResourceStatus": "CREATE_COMPLETE",
        }
        for name, body in template["Resources"].items()
        if name != "Memory"
    ]
    gone = {"LogicalResourceId": "Memory", "ResourceType": "AWS::CloudWatch::Alarm"}
    resources.append({**gone, "ResourceStatus": "DELETE_COMPLETE"})

    def shown(deletion: str) -> list[str]:
        given = [{"ParameterKey": "DatabaseDeletion", "ParameterValue": deletion}]
        made = changes.removals(resources, template, {"Parameters": given})
        return list(preview.lines("shop", made, state=preview.GONE))

    assert shown("Retain") == [
        "stack shop is deleted: 7 resources",
        "  stays in AWS: Key (KMS::Key), Data (Custom::Database)",
        "  is deleted after a snapshot: Cluster (RDS::DBCluster)",
        "  - CloudWatch: 1 Alarm (Cpu)",
        "  - ECS: 1 TaskDefinition (Task), 1 Service (Service)",
        "  - Logs: 1 LogGroup (Group)",
    ]
    assert "  - Custom: 1 Database (Data)" in shown("Drop")


def test_without_diff_names_stand_alone() -> None:
    notes = ("parameter Image: orders:1 -> orders:3", "termination protection: on")
    assert told(NEW_IMAGE, notes=notes, diff=False) == [
        "stack shop changes",
        "  termination protection: on",
        "-/+ Task (AWS::ECS::TaskDefinition) is replaced, the old one is deleted: Image",
    ]
