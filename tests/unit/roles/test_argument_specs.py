"""The roles' variables: one description, the same everywhere."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from docs import mirror_argument_specs as mirror
from plugins.plugin_utils import mapping

ROOT = Path(__file__).parents[3]
ROLES = sorted(path.parent.parent for path in ROOT.glob("roles/*/meta/argument_specs.yml"))
# What becomes an option of quayside.fargate.stack (plugin_utils/stack_options.py).
_STACK_OPTIONS = ("environment", "overrides", "secrets", "termination_protection")
by_role = pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)


def template_parameters(role: Path) -> dict[str, dict[str, Any]]:
    """Return the parameters of the role's template, and of the one beside it.

    They are read as text: the templates' tags are not YAML's own.
    """
    parameters: dict[str, dict[str, Any]] = {}
    for name in filter(None, (mapping.BESIDE.get(role.name), role.name)):
        text = (ROOT / "templates" / f"{name}.yml").read_text()
        section = re.search(r"^Parameters:\n(.*?)^\w", text, re.S | re.M)
        assert section, f"templates/{name}.yml has no parameters"
        parameters |= yaml.safe_load(section[1])
    return parameters


@by_role
def test_the_readme_mirrors_the_argument_specs(role: Path) -> None:
    for path, text in mirror.mirrors_of(role).items():
        assert path.read_text() == text, f"{path} differs: run `make roles`"


@by_role
def test_every_variable_is_described_and_named_after_its_role(role: Path) -> None:
    for name, option in mirror.options_of(role).items():
        assert name.startswith(f"{role.name}_")
        assert mirror.plain(option["description"]).endswith("."), name


def documents(role: Path) -> list[Any]:
    """Return the role's tasks and variables."""
    files = [path for folder in ("tasks", "vars") for path in sorted(role.glob(f"{folder}/*.yml"))]
    return [yaml.safe_load(path.read_text()) for path in files]


def expressions(value: Any, member: str = "") -> Iterator[str]:
    """Yield what Jinja evaluates, without its quoted words."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from expressions(item, key)
    elif isinstance(value, list):
        for item in value:
            yield from expressions(item, member)
    elif isinstance(value, str):
        found = [value] if member in ("when", "that") else re.findall(r"\{\{.*?\}\}", value, re.S)
        yield from (re.sub(r"'[^']*'", "", it) for it in found)


def own_names(value: Any) -> Iterator[str]:
    """Yield the names of variables that tasks make: registered ones, and their own."""
    if isinstance(value, dict):
        yield from value.get("vars", {})
        yield from [value["register"]] if "register" in value else []
        for item in value.values():
            yield from own_names(item)
    elif isinstance(value, list):
        for item in value:
            yield from own_names(item)


@by_role
def test_every_variable_is_used(role: Path) -> None:
    """By a task, by another's default, by the parameter of its name, or by what is computed."""
    text = " ".join(expressions(documents(role)))
    options = mirror.options_of(role)
    defaults = " ".join(str(it.get("default")) for it in options.values())
    laid_over = _STACK_OPTIONS if "_checked.overlay" in text else ()
    for name in options:
        option = name.removeprefix(f"{role.name}_")
        used = rf"{re.escape(f'_{role.name}_checked.options.{option}')}\b"
        decides = mapping.SPECIAL.get(role.name, {}).get(option, mapping.Special("")).decides
        filled = {mapping.parameter_of(option), *decides} & template_parameters(role).keys()
        assert filled or option in laid_over or re.search(used, text) or name in defaults, name


@by_role
def test_a_role_uses_checked_values_only(role: Path) -> None:
    """A variable itself may be a text where a number is due, and isn't there if nobody set it."""
    options = mirror.options_of(role)
    for text in expressions(documents(role)):
        assert not set(re.findall(rf"(?<![\w.]){role.name}_\w+", text)), text
        for option in re.findall(rf"_{role.name}_checked\.options\.(\w+)", text):
            assert f"{role.name}_{option}" in options, option


@by_role
def test_what_a_role_names_for_itself_begins_with_an_underscore(role: Path) -> None:
    names = [*own_names(documents(role))]
    names += yaml.safe_load((role / "vars" / "main.yml").read_text())
    assert [name for name in names if not name.startswith(f"_{role.name}_")] == []


@by_role
def test_a_role_has_its_variables_checked_before_ansible_does(role: Path) -> None:
    dependency = {"role": "quayside.fargate.variables", "variables_role": role.name}
    meta = yaml.safe_load((role / "meta" / "main.yml").read_text())
    assert meta["dependencies"] == [dependency]


@by_role
def test_a_role_has_no_defaults_of_ansibles_own(role: Path) -> None:
    """What is there was set by somebody; the defaults are those of the argument specs."""
    assert not (role / "defaults").exists()


@by_role
def test_a_default_of_the_role_is_the_default_of_the_template(role: Path) -> None:
    decided_by_the_role = {"service_desired_count"}  # the template leaves the count alone
    parameters = template_parameters(role)
    for name, option in mirror.options_of(role).items():
        parameter = mapping.parameter_of(name.removeprefix(f"{role.name}_"))
        default = option.get("default")
        if parameter not in parameters or name in decided_by_the_role:
            continue
        if "Default" not in parameters[parameter] or default in (None, []):
            continue
        if isinstance(default, str) and "{{" in default:
            continue
        expected = ",".join(default) if isinstance(default, list) else str(default)
        expected = expected.lower() if isinstance(default, bool) else expected
        assert str(parameters[parameter]["Default"]) == expected, name
