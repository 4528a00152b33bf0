"""The roles' variables: one description, the same everywhere."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from docs import mirror_argument_specs as mirror

ROOT = Path(__file__).parents[3]
ROLES = sorted(path.parent.parent for path in ROOT.glob("roles/*/meta/argument_specs.yml"))
by_role = pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)


def stack_tasks(role: Path) -> list[dict[str, Any]]:
    """Return the arguments of the role's tasks that deploy its stack."""
    tasks = yaml.safe_load((role / "tasks" / "main.yml").read_text())
    stacks = [task["quayside.fargate.stack"] for task in tasks if "quayside.fargate.stack" in task]
    return [stack for stack in stacks if "parameters" in stack]


def template_parameters(role: Path) -> dict[str, dict[str, Any]]:
    """Return the parameters of the role's template, read as text: its tags are not YAML's own."""
    text = (ROOT / "templates" / f"{role.name}.yml").read_text()
    section = re.search(r"^Parameters:\n(.*?)^\w", text, re.S | re.M)
    assert section, f"templates/{role.name}.yml has no parameters"
    parameters: dict[str, dict[str, Any]] = yaml.safe_load(section[1])
    return parameters


def snake(parameter: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", parameter).lower()


@by_role
def test_defaults_and_readme_mirror_the_argument_specs(role: Path) -> None:
    for path, text in mirror.mirrors_of(role).items():
        assert path.read_text() == text, f"{path} differs: run `make roles`"


@by_role
def test_every_variable_is_described_and_named_after_its_role(role: Path) -> None:
    for name, option in mirror.options_of(role).items():
        assert name.startswith(f"{role.name}_")
        assert mirror.plain(option["description"]).endswith("."), name


@by_role
def test_every_variable_is_used(role: Path) -> None:
    texts = [
        path.read_text() for folder in ("tasks", "vars") for path in role.glob(f"{folder}/*.yml")
    ]
    texts += [str(option.get("default")) for option in mirror.options_of(role).values()]
    for name in mirror.options_of(role):
        assert any(re.search(rf"\b{name}\b", text) for text in texts), name


@by_role
def test_the_role_gives_only_parameters_that_its_template_has(role: Path) -> None:
    parameters = template_parameters(role)
    for stack in stack_tasks(role):
        given = {*stack["parameters"], *stack.get("initial_parameters", {})}
        assert given <= parameters.keys(), given - parameters.keys()


@by_role
def test_a_parameter_that_can_be_refused_is_named_after_its_variable(role: Path) -> None:
    """The plugin names the variable of a refused value by this rule."""
    derived = {"NetworkStack", "ArtifactsBucket", "MinCount", "MaxCount", "TargetCpuPercent"}
    derived |= {"SecretArns", "ParameterArns", "FirstCreation"}
    derived |= {p for p in template_parameters(role) if p.endswith("FunctionKey")}
    options = mirror.options_of(role)
    for stack in stack_tasks(role):
        for parameter in stack["parameters"].keys() - derived:
            assert f"{role.name}_{snake(parameter)}" in options, parameter


@by_role
def test_a_default_of_the_role_is_the_default_of_the_template(role: Path) -> None:
    decided_by_the_role = {"service_desired_count"}  # the template leaves the count alone
    parameters = template_parameters(role)
    for name, option in mirror.options_of(role).items():
        parameter = next((p for p in parameters if f"{role.name}_{snake(p)}" == name), None)
        default = option.get("default")
        if parameter is None or name in decided_by_the_role:
            continue
        if "Default" not in parameters[parameter] or default in (None, []):
            continue
        if isinstance(default, str) and "{{" in default:
            continue
        expected = str(default).lower() if isinstance(default, bool) else str(default)
        assert str(parameters[parameter]["Default"]) == expected, name
