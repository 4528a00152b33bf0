"""`--diff` shows values before and after, what becomes of a resource, and no secret."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ansible_collections.quayside.fargate.plugins.plugin_utils import changes

CANARY = "canary-5c1fe2a9"


def change(*targets: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "ResourceChange": {
            "Action": "Modify",
            "LogicalResourceId": "Task",
            "ResourceType": "AWS::ECS::TaskDefinition",
            "Details": [{"Target": {"Attribute": "Properties", **target}} for target in targets],
            **more,
        }
    }


def diff_of(*described: dict[str, Any]) -> str:
    made = changes.from_change_set(described, {"Resources": {}})
    return str(changes.diff("orders", made)[0]["prepared"])


def test_values_stand_with_their_paths_and_other_properties_by_name() -> None:
    shown = diff_of(
        change(
            {"Name": "Cpu", "Path": "/Properties/Cpu", "BeforeValue": "256", "AfterValue": "512"},
            {"Name": "Cpu", "Path": "/Properties/Cpu", "BeforeValue": "256", "AfterValue": "512"},
            {"Name": "Tags", "Path": "/Properties/Tags/0/Value", "AfterValue": "new"},
            {"Name": "Memory"},
            Replacement="True",
            PolicyAction="ReplaceAndRetain",
            AfterContext=json.dumps({"Properties": {"Tags": [{"Key": "team", "Value": "new"}]}}),
        )
    )
    assert shown == (
        "stack orders\n"
        "~ Task (AWS::ECS::TaskDefinition, replaced, the old one kept in AWS)\n"
        "    Cpu: 256 -> 512\n"
        "    Memory\n"
        "    Tags/0/Value: (none) -> new\n"
    )


def test_a_removed_resource_says_what_becomes_of_it() -> None:
    for policy, words in (
        ("Delete", "deleted"),
        ("Retain", "kept in AWS"),
        ("Snapshot", "deleted after a snapshot"),
    ):
        shown = diff_of(change(Action="Remove", PolicyAction=policy))
        assert f"- Task (AWS::ECS::TaskDefinition, {words})" in shown


def test_what_is_known_after_the_deployment_only_is_said_so() -> None:
    target = {
        "Name": "Image",
        "Path": "/Properties/Image",
        "BeforeValue": "a",
        "AfterValue": "{{changeSet:KNOWN_AFTER_APPLY}}",
    }
    assert "Image: a -> (known after the deployment)" in diff_of(change(target))


ENVIRONMENT = [{"Name": "LEVEL", "Value": "INFO"}, {"Name": "DB_PASSWORD", "Value": CANARY}]
CONTAINER = {"Properties": {"ContainerDefinitions": [{"Environment": ENVIRONMENT}]}}
PLACE = "/Properties/ContainerDefinitions/0/Environment"


@pytest.mark.parametrize(
    ("path", "value", "context"),
    [
        ("/Properties/MasterUserPassword", CANARY, ""),
        ("/Properties/Environment/Variables/API_KEY", CANARY, ""),
        (f"{PLACE}/1/Value", CANARY, json.dumps(CONTAINER)),
        (f"{PLACE}/1/Value", CANARY, ""),
        (f"{PLACE}/1/Value", CANARY, json.dumps(CONTAINER)[:60]),
        (PLACE, json.dumps(ENVIRONMENT), json.dumps(CONTAINER)),
        (PLACE, json.dumps(ENVIRONMENT)[:-3], ""),
        ("/Properties/Url", f"postgresql://orders:{CANARY}@db/orders", ""),
        ("/Properties/Url", json.dumps({"Url": f"amqp://orders:{CANARY}@mq"}), ""),
        ("/Properties/Text", f"-----BEGIN RSA PRIVATE KEY-----{CANARY}", ""),
    ],
)
def test_what_looks_like_a_secret_is_not_shown(path: str, value: str, context: str) -> None:
    target = {"Name": "X", "Path": path, "AfterValue": value}
    shown = diff_of(change(target, BeforeContext=context, AfterContext=context))
    assert CANARY not in shown
    assert "(not shown)" in shown


def test_what_stands_beside_a_secret_is_shown() -> None:
    target = {
        "Name": "ContainerDefinitions",
        "Path": f"{PLACE}/0/Value",
        "BeforeValue": "INFO",
        "AfterValue": "DEBUG",
    }
    context = json.dumps(CONTAINER)
    shown = diff_of(change(target, BeforeContext=context, AfterContext=context))
    assert "ContainerDefinitions/0/Environment/0/Value: INFO -> DEBUG" in shown


def test_of_a_list_only_what_differs_is_shown_by_the_names_of_its_items() -> None:
    def environment(level: str, password: str) -> str:
        return json.dumps(
            [
                {"Name": "DB_PASSWORD", "Value": password},
                {"Name": "LEVEL", "Value": level},
                {"Name": "PORT", "Value": 8080},
            ]
        )

    target = {
        "Name": "Environment",
        "Path": "/Properties/Environment",
        "BeforeValue": environment("INFO", CANARY),
        "AfterValue": environment("DEBUG", f"{CANARY}2"),
    }
    assert diff_of(change(target)).splitlines()[2:] == [
        "    Environment/DB_PASSWORD/Value: (not shown) -> (not shown)",
        "    Environment/LEVEL/Value: INFO -> DEBUG",
    ]


def test_a_long_value_is_cut() -> None:
    target = {"Name": "Text", "Path": "/Properties/Text", "AfterValue": "x" * 5000}
    assert len(diff_of(change(target))) < 400
