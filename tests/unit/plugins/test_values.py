"""`--diff` shows values before and after, what becomes of a resource, and no secret."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.quayside.fargate.plugins.plugin_utils import changes, preview

CANARY = "canary-5c1fe2a9"
NOTHING: dict[str, Any] = {"Resources": {}}


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


def diff_of(*described: dict[str, Any], verbose: bool = False, **templates: Any) -> str:
    known = changes.Templates(templates.get("new") or NOTHING, templates.get("old") or NOTHING)
    made = changes.from_change_set(described, known, verbose=verbose)
    return "\n".join([*preview.lines("orders", made, verbose=verbose), ""])


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
        "stack orders changes\n"
        "-/+ Task (AWS::ECS::TaskDefinition) is replaced, the old one stays in AWS\n"
        "    Cpu: 256 -> 512\n"
        "    Memory\n"
        "    Tags/team/Value: (none) -> new\n"
    )


def test_a_removed_resource_says_what_becomes_of_it() -> None:
    for policy, words in (
        ("Delete", "is deleted"),
        ("Retain", "stays in AWS"),
        ("Snapshot", "is deleted after a snapshot"),
    ):
        shown = diff_of(change(Action="Remove", PolicyAction=policy))
        assert f"- Task (AWS::ECS::TaskDefinition) is removed, and {words}\n" in shown


def test_a_new_item_of_a_list_is_told_once_by_its_name() -> None:
    new = {"Key": "team", "Value": "one"}
    target = {"Attribute": "Tags", "Path": "/Properties/Tags/0", "AfterValue": json.dumps(new)}
    context = json.dumps({"Properties": {"Tags": [new]}})
    shown = diff_of(change(target, AfterContext=context))
    assert shown.splitlines()[2:] == ["    Tags/team/Value: (none) -> one"]


def test_an_item_that_only_moves_in_its_list_is_no_change_at_any_place() -> None:
    first, second = ({"Key": name, "Value": name} for name in "ab")
    contexts = [
        json.dumps({"Properties": {"Tags": it}}) for it in ([first, second], [second, first])
    ]
    targets = [
        {
            "Name": "Tags",
            "Path": f"/Properties/Tags/{at}/{key}",
            "BeforeValue": old,
            "AfterValue": new,
        }
        for at, (old, new) in enumerate([("a", "b"), ("b", "a")])
        for key in ("Key", "Value")
    ]
    shown = diff_of(change(*targets, BeforeContext=contexts[0], AfterContext=contexts[1]))
    assert "->" not in shown


def test_a_policy_is_told_before_and_after() -> None:
    shown = diff_of(
        {
            "ResourceChange": {
                "Action": "Modify",
                "LogicalResourceId": "Task",
                "ResourceType": "AWS::ECS::TaskDefinition",
                "Details": [{"Target": {"Attribute": "DeletionPolicy"}}],
                "BeforeContext": json.dumps({"Properties": {}, "DeletionPolicy": "Retain"}),
                "AfterContext": json.dumps({"Properties": {}}),
            }
        }
    )
    assert "    DeletionPolicy: Retain -> (none)\n" in shown


def test_a_value_that_aws_only_gives_a_hash_of_is_said_to_be_too_long() -> None:
    values = {"BeforeValue": "(Truncated-Signature):" + "a" * 64, "AfterValue": '{"Version":"1"}'}
    target = {"Name": "Document", "Path": "/Properties/Document", **values}
    assert "    Document: (too long for CloudFormation to say) -> (none)\n" in diff_of(
        change(target)
    )


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


def test_a_variable_is_named_and_its_value_is_not_shown() -> None:
    target = {
        "Name": "ContainerDefinitions",
        "Path": f"{PLACE}/0/Value",
        "BeforeValue": "INFO",
        "AfterValue": "DEBUG",
    }
    context = json.dumps(CONTAINER)
    shown = diff_of(change(target, BeforeContext=context, AfterContext=context))
    assert "ContainerDefinitions/0/Environment/LEVEL: (not shown)\n" in shown
    without = diff_of(change(target))
    assert "ContainerDefinitions/0/Environment/0: (not shown)\n" in without


def test_a_variable_that_only_moves_in_its_list_is_no_change() -> None:
    first, second = ({"Name": "A", "Value": "1"}, {"Name": "B", "Value": "2"})
    new = {"Name": "C", "Value": "3"}
    values = [([first, second], [new, first, second])]
    contexts = [
        json.dumps({"Properties": {"ContainerDefinitions": [{"Environment": it}]}})
        for it in values[0]
    ]
    targets = [
        {"Name": "ContainerDefinitions", "Path": f"{PLACE}/{at}/{key}"}
        | ({"BeforeValue": values[0][0][at][key]} if at < len(values[0][0]) else {})
        | {"AfterValue": values[0][1][at][key]}
        for at in range(3)
        for key in ("Name", "Value")
    ]
    shown = diff_of(change(*targets, BeforeContext=contexts[0], AfterContext=contexts[1]))
    assert shown.splitlines()[2:] == [
        "    ContainerDefinitions/0/Environment/C: (none) -> (not shown)"
    ]


# Names of variables that say nothing about what they hold; some are words of the format itself.
VARIABLES = st.lists(
    st.sampled_from(["PORT", "PW", "URL", "Name", "Value", "Key", "Variables", "Command", "A0"]),
    min_size=1,
    unique=True,
)
SECRETS = st.sampled_from(
    [
        *(CANARY, f"sk_live_{CANARY}", f"https://hooks.test/{CANARY}", f"--password={CANARY}"),
        *(f"jdbc:x?user=a&password={CANARY}", f"postgres://a:b/{CANARY}@db", f"a\n{CANARY}"),
        *(json.dumps({CANARY: 1}), json.dumps([CANARY]), json.dumps([{"Name": CANARY}])),
        *(f"{{{{{CANARY}", f"[{CANARY}", "x" * 300 + CANARY),
    ]
)
KINDS: dict[str, Callable[[list[str], str], dict[str, Any]]] = {
    "container": lambda names, value: {
        "ContainerDefinitions": [
            {
                "Name": "app",
                "Environment": [{"Name": name, "Value": value} for name in names],
                "Command": [value, "--port", value],
                "EntryPoint": [value],
                "HealthCheck": {"Command": ["CMD-SHELL", value], "Retries": 3},
            }
        ]
    },
    "function": lambda names, value: {
        "Environment": {"Variables": dict.fromkeys(names, value)},
        "ImageConfig": {"Command": [value], "EntryPoint": [value]},
    },
}


def places(value: Any, path: str = "/Properties") -> list[tuple[str, Any]]:
    """Return every path below a value with what stands there, as AWS may name any of them."""
    found = [] if path == "/Properties" else [(path, value)]
    if isinstance(value, dict):
        items = [(str(key), item) for key, item in value.items()]
    else:
        items = [(str(at), it) for at, it in enumerate(value if isinstance(value, list) else [])]
    return found + [place for key, item in items for place in places(item, f"{path}/{key}")]


@given(
    st.sampled_from(sorted(KINDS)),
    VARIABLES,
    st.one_of(st.just(CANARY), SECRETS),
    st.data(),
)
def test_no_value_of_a_variable_and_no_word_of_a_command_is_ever_shown(
    kind: str, names: list[str], secret: str, data: st.DataObject
) -> None:
    properties = KINDS[kind](names, secret)
    whole = json.dumps({"Properties": properties})
    path, value = data.draw(st.sampled_from(places(properties)))
    text = value if isinstance(value, str) else json.dumps(value)
    cut = data.draw(st.integers(len(text) // 2, len(text)))
    context = data.draw(st.sampled_from(["", whole, whole[:90]]))
    for told in ({"AfterValue": text[:cut]}, {"BeforeValue": text, "AfterValue": f"{text[:cut]}"}):
        target = {"Name": "X", "Path": path, **told}
        shown = diff_of(change(target, BeforeContext=context, AfterContext=context))
        assert CANARY not in shown


@pytest.mark.parametrize("value", ["x", json.dumps({"a": 1})])
@pytest.mark.parametrize("kind", KINDS)
def test_what_is_not_shown_is_named(kind: str, value: str) -> None:
    before, after = (KINDS[kind](["PORT", "URL"], it) for it in (value, f"{value} "))
    shown = diff_of(
        change(
            *(
                {
                    "Name": name,
                    "Path": f"/Properties/{name}",
                    "BeforeValue": json.dumps(before[name]),
                    "AfterValue": json.dumps(after[name]),
                }
                for name in before
            )
        )
    )
    moved = {
        "container": [
            *("Command/0", "Command/2", "EntryPoint/0", "Environment/PORT", "Environment/URL"),
            "HealthCheck/Command/1",
        ],
        "function": [
            *("Environment/Variables/PORT", "Environment/Variables/URL"),
            *("ImageConfig/Command/0", "ImageConfig/EntryPoint/0"),
        ],
    }[kind]
    first = "ContainerDefinitions/app/" if kind == "container" else ""
    assert shown.splitlines()[2:] == [f"    {first}{path}: (not shown)" for path in moved]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("master-key", CANARY),
        ("SIGNING_KEY", CANARY),
        ("SlackWebhook", CANARY),
        ("Salt", CANARY),
        ("DB_PW", CANARY),
        ("Url", f"jdbc:postgresql://db/orders?user=orders&password={CANARY}"),
        ("Url", f"postgres://orders:a/{CANARY}@db/orders"),
        ("Options", f"--Token={CANARY}"),
    ],
)
def test_elsewhere_a_secret_is_known_by_its_name_or_its_look(name: str, value: str) -> None:
    target = {"Name": name, "Path": f"/Properties/{name}", "AfterValue": value}
    assert f"    {name}: (none) -> (not shown)\n" in diff_of(change(target))


def test_json_in_a_text_may_hold_variables_too() -> None:
    override = json.dumps({"environment": [{"name": "A", "value": CANARY}]})
    value = json.dumps([{"Id": "one", "Input": override}])
    target = {"Name": "Targets", "Path": "/Properties/Targets", "AfterValue": value}
    assert "    Targets/0/Input: (none) -> (not shown)\n" in diff_of(change(target))


def test_a_parameter_that_looks_like_a_secret_is_not_shown() -> None:
    given = {
        "HealthCheckCommand": f"curl -u a:{CANARY} localhost",
        "Url": f"amqp://a:{CANARY}@mq",
        "Cpu": "512",
    }
    parameters = [{"ParameterKey": key, "ParameterValue": it} for key, it in given.items()]
    old = [{"ParameterKey": "Url", "ParameterValue": f"amqp://a:{CANARY}-old@mq"}]
    declared: dict[str, dict[str, Any]] = {key: {} for key in given}
    assert changes.inputs({"Parameters": old}, {"Parameters": parameters}, declared) == [
        "parameter Cpu: (none) -> 512",
        "parameter HealthCheckCommand: (none) -> (not shown)",
        "parameter Url: (not shown) -> (not shown)",
    ]


def test_of_a_list_only_what_differs_is_shown_by_the_names_of_its_items() -> None:
    def labels(level: str, password: str) -> str:
        return json.dumps(
            [
                {"Name": "DB_PASSWORD", "Value": password},
                {"Name": "LEVEL", "Value": level},
                {"Name": "PORT", "Value": 8080},
            ]
        )

    target = {
        "Name": "Labels",
        "Path": "/Properties/Labels",
        "BeforeValue": labels("INFO", CANARY),
        "AfterValue": labels("DEBUG", f"{CANARY}2"),
    }
    assert diff_of(change(target)).splitlines()[2:] == [
        "    Labels/DB_PASSWORD/Value: (not shown)",
        "    Labels/LEVEL/Value: INFO -> DEBUG",
    ]


def test_a_long_value_is_cut() -> None:
    target = {"Name": "Text", "Path": "/Properties/Text", "AfterValue": "x" * 5000}
    assert len(diff_of(change(target))) < 400
