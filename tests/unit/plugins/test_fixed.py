"""What can't change on a deployed stack is refused by the name of its variable."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ansible_collections.quayside.fargate.plugins.plugin_utils import fixed, template
from ansible_collections.quayside.fargate.plugins.plugin_utils.errors import StackError

TEMPLATES = Path(__file__).parents[3] / "templates"
RULES = [
    (path.stem, name)
    for path in sorted(TEMPLATES.glob("*.yml"))
    for name in template.load(path.read_text())["Metadata"].get("Quayside", {}).get("Fixed", {})
]


def change(
    name: str,
    before: dict[str, str],
    after: dict[str, Any],
    prefix: str = "",
    *,
    keeps_template: bool = False,
    **outputs: str,
) -> None:
    """Deploy a template over a stack that has some parameters; None keeps the old value."""
    document = template.load((TEMPLATES / f"{name}.yml").read_text())
    deployed = [{"ParameterKey": key, "ParameterValue": value} for key, value in before.items()]
    wanted = [
        {"ParameterKey": key, "UsePreviousValue": True}
        if value is None
        else {"ParameterKey": key, "ParameterValue": value}
        for key, value in after.items()
    ]
    said = [{"OutputKey": key, "OutputValue": value} for key, value in outputs.items()]
    description = {"StackName": "shop-it", "Parameters": deployed, "Outputs": said}
    request = {"Parameters": wanted}
    fixed.refuse_changes(document, description, request, prefix, keeps_template=keeps_template)


def test_another_port_of_the_database_is_refused_with_its_variable_and_the_way_out() -> None:
    with pytest.raises(StackError) as refusal:
        change("rds", {"Port": "5432"}, {"Port": "5433"}, "rds")
    assert str(refusal.value).startswith(
        "rds_port (parameter Port) is '5433', and stack shop-it has '5432': it can't change. "
    )
    assert "restore a snapshot" in str(refusal.value)


@pytest.mark.parametrize("name", ["Port", "AdminUsername", "EngineLifecycleSupport"])
def test_a_restored_cluster_may_have_another(name: str) -> None:
    before = {name: "old", "SnapshotIdentifier": ""}
    change("rds", before, {name: "new", "SnapshotIdentifier": "last-night"})
    with pytest.raises(StackError):
        change("rds", before, {name: "new", "SnapshotIdentifier": ""})


def test_a_restored_cluster_is_not_replaced_by_an_empty_one() -> None:
    change("rds", {"SnapshotIdentifier": ""}, {"SnapshotIdentifier": "a"})
    change("rds", {"SnapshotIdentifier": "a"}, {"SnapshotIdentifier": "b"})
    change("rds", {"SnapshotIdentifier": "a"}, {"SnapshotIdentifier": None})
    with pytest.raises(StackError, match="empty cluster"):
        change("rds", {"SnapshotIdentifier": "a"}, {"SnapshotIdentifier": ""})


@pytest.mark.parametrize(
    ("before", "after", "refused"),
    [
        ("true", "true", True),
        ("true", "false", False),
        ("false", "true", False),
        ("false", "false", False),
    ],
)
@pytest.mark.parametrize(
    ("name", "switch"), [("LoadBalancer", "Route"), ("DatabaseName", "Database")]
)
def test_what_a_service_has_not_may_change(
    name: str, switch: str, before: str, after: str, refused: bool
) -> None:
    deployed, wanted = {name: "one", switch: before}, {name: "two", switch: after}
    if refused:
        with pytest.raises(StackError, match="it can't change"):
            change("service", deployed, wanted)
    else:
        change("service", deployed, wanted)


def test_the_name_that_the_database_has_by_default_may_be_written_out() -> None:
    before = {"DatabaseName": "", "Database": "true"}
    change("service", before, {"DatabaseName": "web"}, DatabaseName="web")
    with pytest.raises(StackError, match="it can't change"):
        change("service", before, {"DatabaseName": "web2"}, DatabaseName="web")


@pytest.mark.parametrize(("name", "parameter"), RULES)
def test_a_rule_is_about_parameters_of_its_template_and_says_what_to_do(
    name: str, parameter: str
) -> None:
    document = template.load((TEMPLATES / f"{name}.yml").read_text())
    rule = document["Metadata"]["Quayside"]["Fixed"][parameter]
    assert rule.keys() <= {"Do", "While", "Unless", "Never", "As", "Alone", "Free"}
    assert rule["Do"].endswith(".")
    others = {rule[key] for key in ("While", "Unless") if key in rule}
    assert {parameter, *others} <= document["Parameters"].keys()


@pytest.mark.parametrize(("name", "parameter"), RULES)
def test_what_is_fixed_is_refused_and_the_old_value_taken(name: str, parameter: str) -> None:
    document = template.load((TEMPLATES / f"{name}.yml").read_text())
    rule = document["Metadata"]["Quayside"]["Fixed"][parameter]
    true = {rule["While"]: "true"} if "While" in rule else {}
    before = {parameter: "old", **true}
    change(name, before, {parameter: "old", **true})
    change(name, before, {parameter: None, **true})
    with pytest.raises(StackError):
        change(name, before, {parameter: rule.get("Never", "new"), **true})


@pytest.mark.parametrize(("before", "after"), [("", "one"), ("one", ""), ("one", "one")])
def test_a_web_acl_comes_and_goes_and_takes_no_others_place(before: str, after: str) -> None:
    change("load_balancer", {"WebAclArn": before}, {"WebAclArn": after})
    with pytest.raises(StackError, match="deploy without one first"):
        change("load_balancer", {"WebAclArn": "one"}, {"WebAclArn": "two"})


def test_another_team_does_not_deploy_a_service_before_it_is_let_in() -> None:
    before = {"Team": "all", "Cpu": "256"}
    with pytest.raises(StackError) as refusal:
        change("service", before, {"Team": "payments", "Cpu": None}, "service")
    assert str(refusal.value) == (
        "service_team (parameter Team) is 'payments', and stack shop-it has 'all': it can't change "
        "with anything else. Another team can't deploy the service. First update Team alone "
        "(docs/templates.md, Teams), then deploy."
    )
    with pytest.raises(StackError, match="with anything else"):
        change("service", before, {"Team": "payments", "Cpu": "512"}, keeps_template=True)
    change("service", before, {"Team": "payments", "Cpu": None}, keeps_template=True)


@pytest.mark.parametrize(
    ("before", "after"),
    [("payments", "payments"), ("payments", "all"), (None, "payments"), ("all", "all")],
)
def test_a_team_deploys_its_own_service_and_all_everyones(before: str | None, after: str) -> None:
    known = {"Cpu": "256"} | ({"Team": before} if before else {})
    change("service", known, {"Team": after, "Cpu": "512"})


def test_a_new_stack_and_a_new_parameter_are_free() -> None:
    document = template.load((TEMPLATES / "rds.yml").read_text())
    fixed.refuse_changes(document, None, {"Parameters": []})
    change("rds", {}, {"Port": "5433"})


def test_a_template_of_others_has_no_rules() -> None:
    fixed.refuse_changes(
        {"Resources": {}}, {"StackName": "a", "Parameters": []}, {"Parameters": []}
    )
