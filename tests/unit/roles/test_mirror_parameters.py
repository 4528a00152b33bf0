"""A plain option is described once, in the template: what drifts from it is told."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from docs import mirror_parameters as mirror
from plugins.plugin_utils import mapping

ROOT = Path(__file__).parents[3]
ROLES = sorted(path.parts[-3] for path in ROOT.glob("roles/*/meta/argument_specs.yml"))


def forget() -> None:
    own = (mirror._template, mirror._parameters, mirror.parameters_of)
    for cached in (*own, mirror.outputs_for, mirror.every_role):
        cached.cache_clear()


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of what is mirrored, that a test may change."""
    for name in ("roles", "templates"):
        shutil.copytree(ROOT / name, tmp_path / name)
    (tmp_path / "docs").mkdir()
    shutil.copy(ROOT / "docs" / "options_of_every_role.yml", tmp_path / "docs")
    monkeypatch.setattr(mirror, "ROOT", tmp_path)
    forget()
    yield tmp_path
    forget()


def replaced(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert text.count(old) == 1, old
    path.write_text(text.replace(old, new))


def option_of(text: str, name: str) -> dict[str, Any]:
    options = yaml.safe_load(text)["argument_specs"]["main"]["options"]
    return dict(options[name])


@pytest.mark.parametrize("role", ROLES)
def test_the_argument_specs_mirror_the_template(role: str) -> None:
    assert mirror.specs_of(role).read_text() == mirror.mirrored(role), "run `make roles`"


@pytest.mark.parametrize("role", ROLES)
def test_what_is_written_by_hand_could_not_be_mirrored(role: str) -> None:
    """Otherwise its reason doesn't hold any more."""
    text = mirror.specs_of(role).read_text()
    for option in mapping.SPECIAL.get(role, {}):
        name, parameter = f"{role}_{option}", mapping.parameter_of(option)
        definition = mirror.parameters_of(role).get(parameter)
        mirrored = mirror.entry_of(role, definition) if definition else None
        assert option_of(text, name) not in (mirrored, mirror.every_role(role).get(option)), name


def test_a_parameter_that_no_option_sets_is_there() -> None:
    known = {name for role in ROLES for name in mirror.parameters_of(role)}
    assert known >= mapping.NO_OPTION.keys()


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ("    Default: 8080\n", "    Default: 8081\n", {"default": 8081}),
        ("  ContainerPort:\n", "  ContainerPor:\n", None),
        ("Port that the application listens on", "Port of it", {"description": "Port of it; it"}),
        ("    Default: 8080\n", "    Default: 8080\n    AllowedValues: [1]\n", {"choices": [1]}),
        ("    Default: 8080\n", "", {"required": True}),
        ("    Default: 8080\n", "    Default: 80.5\n", {"type": "float"}),
    ],
    ids=["default", "name", "description", "choices", "required", "type"],
)
def test_what_changes_in_a_template_changes_the_specs(
    house: Path, old: str, new: str, found: dict[str, Any] | None
) -> None:
    replaced(house / "templates" / "service.yml", old, new)
    text = mirror.mirrored("service")
    assert text != mirror.specs_of("service").read_text()
    if found is None:
        assert "service_container_port:" not in text
        assert "service_container_por:" in text
        return
    option = option_of(text, "service_container_port")
    (key,) = found
    assert str(option[key]).startswith(str(found[key]))


def test_what_is_changed_in_the_specs_is_told_unless_it_is_written_by_hand(house: Path) -> None:
    specs = mirror.specs_of("service")
    replaced(specs, "        default: 8080\n", "        default: 8081\n")
    assert mirror.mirrored("service") != specs.read_text()
    specs.write_text(mirror.mirrored("service"))
    replaced(specs, "          Number of tasks. Not", "          Tasks. Not")
    assert mirror.mirrored("service") == specs.read_text()


def test_parameters_of_the_stack_beside_are_options_too_but_those_that_a_stack_tells() -> None:
    text = mirror.specs_of("service").read_text()
    assert option_of(text, "service_log_subscription_arn")["type"] == "str"
    assert option_of(text, "service_error_lines_threshold")["type"] == "int"
    for name in ("service_log_group_name", "service_target_group_full_name"):
        assert f"      {name}:\n" not in text


def test_an_option_without_a_parameter_or_a_reason_goes(house: Path) -> None:
    specs = mirror.specs_of("rds")
    name = "      rds_port:\n"
    replaced(specs, name, f"      rds_prt:\n        type: int\n        description: X.\n{name}")
    assert "rds_prt" not in mirror.mirrored("rds")


def test_an_option_that_is_written_by_hand_is_asked_for(house: Path) -> None:
    specs = mirror.specs_of("rds")
    replaced(specs, "      rds_snapshot_identifier:\n", "      rds_snapshot:\n")
    with pytest.raises(ValueError, match=r"no rds_snapshot_identifier, and mapping\.SPECIAL has"):
        mirror.mirrored("rds")


def test_a_new_option_comes_behind_its_neighbour_in_the_template(house: Path) -> None:
    parameter = "  IdleSeconds:\n    Description: X.\n    Type: Number\n    Default: 5\n"
    replaced(
        house / "templates" / "service.yml",
        "  HealthCheckCommand:\n",
        f"{parameter}  HealthCheckCommand:\n",
    )
    names = re.findall(r"^      (service_\w+):", mirror.mirrored("service"), re.MULTILINE)
    at = names.index("service_idle_seconds")
    assert names[at - 1] == "service_container_port"


@pytest.mark.parametrize(
    ("definition", "entry"),
    [
        ({"Type": "String"}, {"type": "str", "required": True}),
        ({"Type": "String", "Default": ""}, {"type": "str", "default": ""}),
        (
            {"Type": "String", "Default": "false", "AllowedValues": ["true", "false"]},
            {"type": "bool", "default": False},
        ),
        (
            {"Type": "String", "Default": "a", "AllowedValues": ["a", "b"]},
            {"type": "str", "choices": ["a", "b"], "default": "a"},
        ),
        ({"Type": "Number", "Default": 0.5}, {"type": "float", "default": 0.5}),
        (
            {"Type": "String", "Default": "", "AllowedPattern": "^(a(,a)*)?$"},
            {"type": "list", "elements": "str", "default": []},
        ),
    ],
)
def test_a_parameter_is_an_option_of_its_kind(
    definition: dict[str, Any], entry: dict[str, Any]
) -> None:
    described = "Names of HostName, joined by commas."
    found = mirror.entry_of("service", definition | {"Description": described})
    words = "Names of O(service_host_name)."
    wanted = words if entry["type"] == "list" else words.replace(").", "), joined by commas.")
    assert found == {**entry, "description": wanted}
