"""An option fills the parameter of its name, and a refused parameter is called by its variable."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ansible_collections.quayside.fargate.plugins.plugin_utils import mapping, template
from ansible_collections.quayside.fargate.plugins.plugin_utils.variables import Variables

ROOT = Path(__file__).parents[3]
ROLES = sorted(path.parts[-3] for path in ROOT.glob("roles/*/meta/argument_specs.yml"))


def parameters(name: str) -> dict[str, Any]:
    """The parameters of a template."""
    text = (ROOT / "templates" / f"{name}.yml").read_text()
    return dict(template.load(text, name)["Parameters"])


PARAMETERS = {
    role: [*(parameters(mapping.BESIDE[role]) if role in mapping.BESIDE else {}) | parameters(role)]
    for role in ROLES
}


@pytest.mark.parametrize("role", ROLES)
def test_every_parameters_name_goes_to_an_option_and_back(role: str) -> None:
    for parameter in PARAMETERS[role]:
        (option,) = mapping.options_of(None, parameter)
        assert mapping.parameter_of(option) == parameter


@pytest.mark.parametrize("role", ROLES)
def test_the_table_names_options_and_parameters_that_are_there(role: str) -> None:
    options = Variables.of_role(role).options
    for option, special in mapping.SPECIAL.get(role, {}).items():
        known = options[f"{role}_{option}"]
        assert {*special.decides} <= {*PARAMETERS[role]}
        assert {*filter(None, special.decides.values())} <= {*known.get("options", {})}


@pytest.mark.parametrize("role", ROLES)
def test_what_says_how_a_stack_is_deployed_is_no_parameter(role: str) -> None:
    assert not {mapping.parameter_of(it) for it in mapping.DEPLOYMENT} & {*PARAMETERS[role]}


@pytest.mark.parametrize("role", ROLES)
def test_an_option_is_known_to_fill_a_parameter_where_the_template_has_one(role: str) -> None:
    options = [it.removeprefix(f"{role}_") for it in Variables.of_role(role).options]
    named = {it for it in options if mapping.is_named(role, it)}
    assert named == {it for it in options if mapping.parameter_of(it) in PARAMETERS[role]}


@pytest.mark.parametrize(
    ("role", "options", "found"),
    [
        ("service", {"host_name": "a.test"}, [("host_name", "HostName", "a.test")]),
        ("service", {"tags": {"a": "b"}, "timeout": 5, "environment": {"Tags": "x"}}, []),
        ("service", {"scaling": {"min": 1, "max": 3}}, ["MinCount", "MaxCount"]),
        ("service", {"scaling": {"min": 1}, "secrets": {"": "x"}}, ["MinCount"]),
        ("support", {"vpc_id": "vpc-1"}, ["VpcId"]),
        (None, {"vpc_id": ""}, [("vpc_id", "VpcId", "")]),
    ],
)
def test_an_option_fills_the_parameter_of_its_name_and_a_member_its_own(
    role: str | None, options: dict[str, Any], found: list[Any]
) -> None:
    filled = list(mapping.filled(role, options))
    assert [
        it if isinstance(want, tuple) else it[1] for it, want in zip(filled, found, strict=True)
    ] == found


@pytest.mark.parametrize(
    ("role", "parameter", "subject"),
    [
        ("service", "HostName", "service_host_name (parameter HostName)"),
        ("service", "MaxCount", "service_scaling.max (parameter MaxCount)"),
        ("service", "SecretArns", "service_secrets (parameter SecretArns)"),
        ("service", "DesiredCount", "service_desired_count (parameter DesiredCount)"),
        ("support", "NetworkStack", "support_vpc_id (parameter NetworkStack)"),
        (None, "HostName", "Parameter HostName"),
    ],
)
def test_a_message_names_the_variable_that_a_value_came_from(
    role: str | None, parameter: str, subject: str
) -> None:
    assert mapping.subject(parameter, role) == subject


def test_a_value_falls_back_only_where_none_of_its_variables_is_given() -> None:
    assert mapping.variables_of("service", "DesiredCount") == [
        "service_desired_count",
        "service_scaling",
    ]
    assert mapping.variables_of("service", "MinCount") == ["service_scaling"]
