"""Values that fall back to a default, since their variable isn't given."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.quayside.fargate.plugins.plugin_utils import falls
from ansible_collections.quayside.fargate.plugins.plugin_utils.falls import Fall, Origins

SERVICE_STOPS = {
    "TaskRolePolicyArns": ("arn:1", ""),
    "SecretArns": ("arn:1", ""),
    "ExecuteCommand": ("true", "false"),
    "Team": ("payments", "all"),
    "Cpu": ("1024", "256"),
    "MaxCount": ("4", "0"),
    "LogRetentionDays": ("365", "30"),
    "DatabaseDeletion": ("Drop", "Retain"),
}


def fallen(
    prefix: str, parameter: str, old: str, new: str, *given: str, **definition: Any
) -> list[Fall]:
    described = {"Parameters": [{"ParameterKey": parameter, "ParameterValue": old}]}
    origins = Origins(prefix, given)
    declared = {parameter: definition}
    return list(falls.of_parameters({parameter: new}, declared, described, origins))


@pytest.mark.parametrize("parameter", [*SERVICE_STOPS, "HostName"])
def test_on_a_platform_every_value_stops(parameter: str) -> None:
    old, new = SERVICE_STOPS.get(parameter, ("a.test", ""))
    (fall,) = fallen("rds", parameter, old, new)
    assert fall.stops


@pytest.mark.parametrize("parameter", SERVICE_STOPS)
def test_on_a_service_rights_smaller_sizes_and_what_keeps_data_stop(parameter: str) -> None:
    (fall,) = fallen("service", parameter, *SERVICE_STOPS[parameter])
    assert fall.stops


@pytest.mark.parametrize(
    ("parameter", "old", "new"),
    [("StopTimeoutSeconds", "20", "30"), ("Cpu", "256", "512"), ("DesiredCount", "", "2")],
)
def test_on_a_service_anything_else_is_told(parameter: str, old: str, new: str) -> None:
    (fall,) = fallen("service", parameter, old, new)
    assert not fall.stops
    assert "isn't given, and would fall back from" in fall.text


@pytest.mark.parametrize(
    ("prefix", "parameter", "old", "new", "stops"),
    [
        ("load_balancer", "SubnetIds", "subnet-own1,subnet-own2", "subnet-1,subnet-2", True),
        ("load_balancer", "SubnetIds", "subnet-1,subnet-2", "subnet-1", True),
        ("service", "RotationFunctionArn", "arn:own", "arn:platform", False),
    ],
)
def test_what_falls_back_to_an_output_is_told_too(
    prefix: str, parameter: str, old: str, new: str, stops: bool
) -> None:
    described = {"Parameters": [{"ParameterKey": parameter, "ParameterValue": old}]}
    (fall,) = falls.of_parameters(
        {parameter: new}, {parameter: {}}, described, Origins(prefix, ()), [parameter]
    )
    assert (fall.stops, f"from {old} to {new}" in fall.text) == (stops, True)


@pytest.mark.parametrize("old", ["", "subnet-1", "subnet-2,subnet-1"])
def test_a_list_of_another_stack_may_grow(old: str) -> None:
    described = {"Parameters": [{"ParameterKey": "SubnetIds", "ParameterValue": old}]}
    passed = {"SubnetIds": "subnet-1,subnet-2,subnet-3"}
    assert not list(
        falls.of_parameters(passed, {"SubnetIds": {}}, described, Origins("rds", ()), passed)
    )


def test_a_variable_that_is_given_never_falls_back() -> None:
    assert fallen("rds", "MaxCapacity", "16", "8", "rds_max_capacity") == []
    assert fallen("service", "MaxCount", "4", "0", "service_scaling") == []


@pytest.mark.parametrize(("old", "new"), [("8", "8.0"), ("0.50", "0.5"), ("x", "x")])
def test_the_same_value_falls_nowhere(old: str, new: str) -> None:
    assert fallen("rds", "MaxCapacity", old, new) == []


def test_no_secret_is_compared_or_shown() -> None:
    assert fallen("rds", "Token", "****", "hunter2", NoEcho="true") == []
    (fall,) = fallen("rds", "Note", "postgres://a:hunter2@host", "")
    assert "hunter2" not in fall.text


def test_a_protection_that_goes_stops_everywhere_and_one_that_comes_nowhere() -> None:
    for prefix in ("service", "rds"):
        origins = Origins(prefix, ())
        (fall,) = falls.of_protection(False, {"EnableTerminationProtection": True}, origins)
        assert fall.stops
        assert fall.name == f"{prefix}_termination_protection"
        assert not list(falls.of_protection(True, {}, origins))


def test_tags_that_go_are_named() -> None:
    described = {"Tags": [{"Key": "team", "Value": "a"}, {"Key": "kept", "Value": "b"}]}
    (fall,) = falls.of_tags({"kept": "b"}, described, Origins("rds", ()))
    assert (fall.name, fall.stops) == ("rds_tags", True)
    assert fall.text.endswith("would lose its tags team")
    given = Origins("rds", ["rds_tags"])
    assert not list(falls.of_tags({"kept": "b"}, described, given))


def test_a_template_remembers_the_options_that_no_parameter_tells() -> None:
    given = Origins("service", ["service_environment", "service_overrides", "service_cpu"])
    before = falls.record({"Metadata": {"Quayside": {"Fixed": {}}}}, given)
    assert before["Metadata"]["Quayside"] == {"Fixed": {}, "Given": ["environment", "overrides"]}
    now = Origins("service", ["service_environment"])
    (fall,) = falls.of_template(before, ["environment"], now)
    assert (fall.name, fall.stops) == ("service_overrides", False)
    (fall,) = falls.of_template(
        {"Metadata": before["Metadata"]}, [], Origins("rds", ["rds_environment"])
    )
    assert (fall.name, fall.stops) == ("rds_overrides", True)


@pytest.mark.parametrize(
    ("before", "new", "stops"),
    [
        ("", "", []),  # what a rollback brought goes again, and nobody gave it
        ("arn:2", "", [True]),  # what somebody gave before the rollback would go
    ],
)
def test_what_a_rollback_made_of_a_value_is_no_fall_and_what_stood_before_it_is_one(
    before: str, new: str, stops: list[bool]
) -> None:
    described = {"Parameters": [{"ParameterKey": "SecretKeyArns", "ParameterValue": "arn:1"}]}
    found = falls.of_parameters(
        {"SecretKeyArns": new},
        {"SecretKeyArns": {}},
        described,
        Origins("service", ()),
        before={"SecretKeyArns": before},
    )
    assert [it.stops for it in found] == stops
