"""What every template has: descriptions, constraints, groups, and conditions `Has...`."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.unit.templates.templates import ALARM, NAMES, judging, load, of_type, walk

CONSTRAINTS = {"AllowedPattern", "AllowedValues", "MinValue", "MaxValue", "MinLength", "MaxLength"}
PARAMETERS = [(name, key) for name in NAMES for key in load(name)["Parameters"]]
CUSTOM_RESOURCES = [(name, key) for name in NAMES for key in of_type(name, "Custom::")]
LAMBDA = [(name, key) for name in NAMES for key in of_type(name, "AWS::Lambda::Function")]
FUNCTIONS = {
    "Custom::Password": "PasswordFunction",
    "Custom::Database": "DatabaseFunction",
    "Custom::DatabaseName": "DatabaseFunction",
    "Custom::ListenerPriority": "ListenerPriorityFunction",
}


@pytest.mark.parametrize(("name", "parameter"), PARAMETERS)
def test_a_parameter_says_what_it_is_and_what_it_takes(name: str, parameter: str) -> None:
    definition = load(name)["Parameters"][parameter]
    assert definition["Description"].endswith((".", "...")) or "output of" in str(definition)
    assert CONSTRAINTS & definition.keys()
    assert definition["ConstraintDescription"]


@pytest.mark.parametrize(("name", "parameter"), PARAMETERS)
def test_a_parameter_is_checked_by_cloudformation_alone(name: str, parameter: str) -> None:
    """Other types are looked up anew at every update, a flip of the database user included."""
    assert load(name)["Parameters"][parameter]["Type"] in ("String", "Number")


@pytest.mark.parametrize(("name", "parameter"), PARAMETERS)
def test_a_default_satisfies_its_own_constraints(name: str, parameter: str) -> None:
    definition = load(name)["Parameters"][parameter]
    if "Default" not in definition:
        return
    default = definition["Default"]
    assert re.search(definition.get("AllowedPattern", ""), str(default))
    assert default in definition.get("AllowedValues", [default])
    if definition["Type"] == "Number":
        low, high = definition.get("MinValue", default), definition.get("MaxValue", default)
        assert low <= default <= high


@pytest.mark.parametrize(("name", "parameter"), PARAMETERS)
def test_a_pattern_takes_the_whole_value(name: str, parameter: str) -> None:
    pattern = load(name)["Parameters"][parameter].get("AllowedPattern", "^$")
    assert pattern.startswith("^")
    assert pattern.endswith("$")


@pytest.mark.parametrize("name", NAMES)
def test_every_parameter_is_in_one_group_of_the_console(name: str) -> None:
    groups = load(name)["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    grouped = [parameter for group in groups for parameter in group["Parameters"]]
    assert sorted(grouped) == sorted(load(name)["Parameters"])


@pytest.mark.parametrize("name", NAMES)
def test_every_output_is_described(name: str) -> None:
    undescribed = [key for key, it in load(name)["Outputs"].items() if not it.get("Description")]
    assert undescribed == []


@pytest.mark.parametrize("name", NAMES)
def test_conditions_are_called_has_something(name: str) -> None:
    assert [key for key in load(name).get("Conditions", {}) if not key.startswith("Has")] == []


@pytest.mark.parametrize("name", NAMES)
def test_cloudformation_changes_nothing_in_the_template_on_its_way(name: str) -> None:
    functions = {key for _, node in walk(load(name)) if isinstance(node, dict) for key in node}
    assert not functions & {"Transform", "Fn::Transform", "Fn::ForEach"}


@pytest.mark.parametrize(("name", "key"), CUSTOM_RESOURCES)
def test_a_custom_resource_gives_up_after_its_function_did(name: str, key: str) -> None:
    """Without ServiceTimeout CloudFormation waits for an hour."""
    resource = load(name)["Resources"][key]
    function = load("support")["Resources"][FUNCTIONS[resource["Type"]]]["Properties"]
    assert function["Timeout"] < resource["Properties"]["ServiceTimeout"] <= 300


def test_every_custom_resource_has_a_function() -> None:
    kinds = {load(name)["Resources"][key]["Type"] for name, key in CUSTOM_RESOURCES}
    assert kinds == FUNCTIONS.keys()


def alarms() -> list[Any]:
    """Every alarm of every template that people hear of, as pytest parameters."""
    return [
        pytest.param(alarm["Properties"], id=f"{name}-{key}")
        for name in NAMES
        for key, alarm in of_type(name, ALARM).items()
        if (name, key) not in {("service", it) for it in judging()}
    ]


@pytest.mark.parametrize("alarm", alarms())
def test_an_alarm_says_what_is_wrong_rings_and_says_when_it_is_over(alarm: dict[str, Any]) -> None:
    assert alarm["AlarmDescription"]
    assert alarm["AlarmActions"]
    assert alarm["OKActions"] == alarm["AlarmActions"]
    assert "TreatMissingData" in alarm


@pytest.mark.parametrize(("name", "function"), LAMBDA)
def test_a_function_has_its_own_role_log_group_and_alarm(name: str, function: str) -> None:
    resources = load(name)["Resources"]
    properties = resources[function]["Properties"]
    assert properties["Role"] == {"Fn::GetAtt": [f"{function}Role", "Arn"]}
    assert properties["LoggingConfig"]["LogGroup"] == {"Ref": f"{function}LogGroup"}
    assert resources[f"{function}LogGroup"]["Properties"]["RetentionInDays"]
    assert resources[f"{function}Alarm"]["Properties"]["MetricName"] == "Errors"
    actions = [node for path, node in walk(resources[f"{function}Role"]) if "Action" in path]
    assert "logs:CreateLogGroup" not in actions  # a late call would bring a deleted group back
