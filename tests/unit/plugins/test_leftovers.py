"""What a switched-off part would leave behind at AWS is told to be off."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.quayside.fargate.plugins.plugin_utils import leftovers
from tests.unit.templates.templates import NAMES, load

ON, OFF = {"DeploymentAlarms": "true"}, {"DeploymentAlarms": "false"}


def sent(previous: dict[str, str | None] | None, given: dict[str, Any]) -> Any:
    """What is told of the bake time; a value that is None stays as the stack has it."""
    parameters = [
        {"ParameterKey": name, "UsePreviousValue": True}
        if value is None
        else {"ParameterKey": name, "ParameterValue": value}
        for name, value in given.items()
    ]
    found = {it["ParameterKey"]: it for it in leftovers.told(load("service"), previous, parameters)}
    assert found.keys() == given.keys()
    return found["BakeTimeMinutes"].get("ParameterValue")


@pytest.mark.parametrize(
    ("previous", "given", "minutes"),
    [
        ({**ON, "BakeTimeMinutes": "5"}, {**OFF, "BakeTimeMinutes": "5"}, "0"),
        ({**ON, "BakeTimeMinutes": "5"}, {**OFF, "BakeTimeMinutes": None}, "0"),
        ({**OFF, "BakeTimeMinutes": "0"}, {**OFF, "BakeTimeMinutes": "5"}, "0"),
        ({**OFF, "BakeTimeMinutes": "0"}, {"DeploymentAlarms": None, "BakeTimeMinutes": "5"}, "0"),
        ({**OFF, "BakeTimeMinutes": "0"}, {**ON, "BakeTimeMinutes": "5"}, "5"),
        ({**ON, "BakeTimeMinutes": "5"}, {**ON, "BakeTimeMinutes": "7"}, "7"),
        ({**ON, "BakeTimeMinutes": "5"}, {"DeploymentAlarms": None, "BakeTimeMinutes": "7"}, "7"),
        ({**OFF, "BakeTimeMinutes": "5"}, {**OFF, "BakeTimeMinutes": "7"}, "7"),
        ({}, {**OFF, "BakeTimeMinutes": "5"}, "5"),
        (None, {**OFF, "BakeTimeMinutes": "5"}, "5"),
    ],
)
def test_the_bake_time_of_alarms_that_are_switched_off_is_told_to_be_none_until_they_are_on(
    previous: dict[str, str | None] | None, given: dict[str, Any], minutes: str
) -> None:
    assert sent(previous, given) == minutes


@pytest.mark.parametrize("template", NAMES)
def test_a_rule_names_parameters_and_a_value_that_may_be_given(template: str) -> None:
    document = load(template)
    for name, rule in leftovers.rules(document).items():
        assert rule.keys() == {"Of", "Is"}
        assert "true" in document["Parameters"][rule["Of"]]["AllowedValues"]
        assert int(document["Parameters"][name]["MinValue"]) <= int(rule["Is"])
