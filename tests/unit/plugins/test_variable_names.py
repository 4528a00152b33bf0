"""A name or a tag that things are found by is refused in overrides and tags."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ansible_collections.quayside.fargate.plugins.plugin_utils import template, variable_names

TEMPLATES = Path(__file__).parents[3] / "templates"
# The template that each role's `overrides` is laid over.
LOADED = {path.stem: template.read(path) for path in sorted(TEMPLATES.glob("*.yml"))}
DOCUMENTS: dict[str, dict[str, Any]] = {
    role: template.load(text, role) for role, text in LOADED.items()
}


def lines(role: str, **values: Any) -> list[str]:
    return list(variable_names.problems(role, values, DOCUMENTS[role]))


def named() -> list[tuple[str, str, str]]:
    """Each property of a template that names something after the platform."""
    return [
        (role, logical_id, name)
        for role, document in DOCUMENTS.items()
        for logical_id, resource in document["Resources"].items()
        for name, value in (resource.get("Properties") or {}).items()
        if (name.endswith("Name") or name in ("Family", "Path"))
        and "Platform" in str(value)
        and not str(resource["Type"]).startswith("Custom::")
    ]


@pytest.mark.parametrize(("role", "logical_id", "name"), named())
@pytest.mark.parametrize("value", ["mine", None])
def test_another_name_than_the_platforms_is_refused(
    role: str, logical_id: str, name: str, value: str | None
) -> None:
    overrides = {"Resources": {logical_id: {"Properties": {name: value}}}}
    (line,) = lines(role, overrides=overrides)
    assert line.startswith(f"{role}_overrides.Resources.{logical_id}.Properties.{name}: ")


def test_what_nothing_is_found_by_may_be_laid_over() -> None:
    overrides = {
        "Resources": {
            "Service": {"Properties": {"PlatformVersion": "1.4.0"}},
            "LogGroup": {"DeletionPolicy": "Retain"},
            "Mine": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "mine"}},
        },
        "Outputs": {"Mine": {"Value": "x"}},
    }
    assert lines("service", overrides=overrides, tags={"team": "payments"}) == []
    assert lines("service") == []


@pytest.mark.parametrize(
    "broken", [{"Resources": {"Service": None}}, {"Resources": None}, {}, None]
)
def test_what_is_no_resource_is_another_rules_to_refuse(broken: Any) -> None:
    assert lines("service", overrides=broken) == []


@pytest.mark.parametrize("role", sorted(DOCUMENTS))
def test_a_tag_of_quaysides_own_is_refused(role: str) -> None:
    (line,) = lines(role, tags={"quayside:platform": "other", "cost": "12"})
    assert line == (
        f"{role}_tags.quayside:platform: things are found by this tag, which the role sets itself. "
        "Leave it out."
    )


OWN = {"Key": "quayside:platform", "Value": "other"}


@pytest.mark.parametrize(
    ("logical_id", "tags"),
    [
        ("LogGroup", [{"Key": "team", "Value": "a"}, OWN]),
        ("LogGroup", {"quayside:platform": "other"}),
        ("LogGroup", {"Fn::If": ["HasRoute", [OWN], []]}),
        ("LogGroup", [{"Fn::If": ["HasRoute", OWN, {"Ref": "AWS::NoValue"}]}]),
        ("Mine", [OWN]),
        ("ListenerRule", [{"Key": "quayside:platform", "Value": None}]),
    ],
)
def test_a_tag_of_quaysides_own_is_refused_in_overrides_too(logical_id: str, tags: Any) -> None:
    (line,) = lines(
        "service", overrides={"Resources": {logical_id: {"Properties": {"Tags": tags}}}}
    )
    assert line.startswith(
        f"service_overrides.Resources.{logical_id}.Properties.Tags.quayside:platform: "
    )


@pytest.mark.parametrize("tags", [None, {"Fn::If": ["HasRoute", [], []]}])
def test_tags_of_quaysides_own_do_not_go_with_the_others(tags: Any) -> None:
    laid = {"Resources": {"ListenerRule": {"Properties": {"Tags": tags}}}}
    assert len(lines("service", overrides=laid)) == 3


def test_tags_of_ones_own_come_beside_quaysides() -> None:
    laid = {"ListenerRule": {"Properties": {"Tags": [{"Key": "cost", "Value": "12"}]}}}
    assert lines("service", overrides={"Resources": laid}) == []
