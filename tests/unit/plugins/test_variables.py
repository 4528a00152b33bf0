"""Every variable of every role: as text and typed the same, or refused by its name."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ansible_collections.quayside.fargate.plugins.plugin_utils import variable_forms
from ansible_collections.quayside.fargate.plugins.plugin_utils.errors import StackError
from ansible_collections.quayside.fargate.plugins.plugin_utils.variables import Variables

ROLES = sorted(
    path.parent.parent.name
    for path in (Path(__file__).parents[3] / "roles").glob("*/meta/argument_specs.yml")
)
REFUSED = object()


def variables() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every variable with its option, those in maps too."""
    for role in ROLES:
        for name, option in Variables.of_role(role).options.items():
            yield name, dict(option)
            for inner, nested in option.get("options", {}).items():
                yield f"{name}.{inner}", dict(nested)


VARIABLES = dict(variables())
NAMES = st.sampled_from(sorted(VARIABLES))
SCALARS = sorted(name for name, it in VARIABLES.items() if it["type"] not in ("dict", "list"))

# What people write for a number, a boolean, a time, a version, nothing.
WRITTEN = [
    *("0", "1", "2", "3", "7", "30", "256", "512", "1024", "5432", "-1", "65536", "123456789012"),
    *("0.5", "1.0", "8.0", "1.10", "17.7", "17.10", "1.", ".5", "1e3", "1.5e3", "+5", "1_000"),
    *("0755", "007", "0x1F", "0b11", "0o17", "12:30", "1:30", "190:20:30", ".inf", ".nan", "-.inf"),
    *("true", "false", "True", "FALSE", "yes", "no", "on", "off", "Yes", "NO", "ON", "y", "n"),
    *("t", "f", "null", "~", "", "2026-11-28", "2026-11-28 12:00:00", "012345670123", "1 "),
    *("present", "absent", "all", "X86_64", "blue", "Retain", "2h", "a,b", "[a, b]", '["a", "b"]'),
    *(
        "{}",
        "[]",
        '{"a": "b"}',
        "a=b",
        "sun:06:00-sun:07:00",
        "/health",
        "10.0.0.0/16",
        "python3.13",
    ),
]


def outcome(name: str, value: Any) -> Any:
    """The typed value, or REFUSED if one line that names the variable refuses it."""
    try:
        return variable_forms.convert(name, VARIABLES[name], value)
    except StackError as error:
        message = str(error)
        assert message.startswith(name), message
        assert "\n" not in message
        return REFUSED


def same_or_refused(name: str, text: str) -> None:
    """Hold the text of the command line against what YAML makes of the same writing."""
    try:
        typed = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError):
        return
    if isinstance(typed, str) and typed != text:
        return  # YAML's own quotes and blanks, which the command line's text hasn't
    outcomes = [outcome(name, text), outcome(name, typed)]
    if REFUSED not in outcomes:
        assert outcomes[0] == outcomes[1], (name, text)
        assert type(outcomes[0]) is type(outcomes[1]), (name, text)


@pytest.mark.parametrize("name", sorted(VARIABLES))
def test_a_text_and_what_yaml_makes_of_it_come_out_the_same_or_are_refused(name: str) -> None:
    for text in WRITTEN:
        same_or_refused(name, text)


@settings(max_examples=3000)
@example(name="cluster_allow", text="- E")
@given(name=NAMES, text=st.text("0123456789abefinrstuoxyEFNOTY+-_.:,~[]{}\"' ", max_size=12))
def test_so_does_whatever_else_is_written(name: str, text: str) -> None:
    same_or_refused(name, text)


@settings(max_examples=2000)
@given(
    name=st.sampled_from(SCALARS),
    value=st.one_of(st.integers(), st.floats(allow_nan=False), st.booleans(), st.dates()),
)
def test_a_typed_value_is_kept_as_it_is_or_refused(name: str, value: Any) -> None:
    """Nothing is altered on the way, and no text made of what YAML has read as something else."""
    found = outcome(name, value)
    if found is not REFUSED:
        assert found == value
        assert VARIABLES[name]["type"] not in ("str", "path")


@settings(max_examples=2000)
@given(name=st.sampled_from(SCALARS), value=st.one_of(st.integers(), st.booleans()))
def test_a_number_or_boolean_as_text_is_that_value(name: str, value: Any) -> None:
    """What a variable takes typed it takes from -e too."""
    typed = outcome(name, value)
    if typed is not REFUSED:
        assert outcome(name, str(value).lower()) == typed
        assert outcome(name, str(value)) == typed


@given(name=NAMES)
def test_a_default_is_a_value_of_its_variable(name: str) -> None:
    default = VARIABLES[name].get("default")
    if default is not None and "{{" not in str(default):
        assert outcome(name, default) == default


def test_words_with_commas_are_a_list_and_so_is_json() -> None:
    name = "service_database_extensions"
    assert outcome(name, "pgcrypto, hstore") == ["pgcrypto", "hstore"]
    assert outcome(name, '["pgcrypto", "hstore"]') == ["pgcrypto", "hstore"]
    for wrong in ("[pgcrypto, hstore]", "", "a,,b", 5, [5], ["a", None], {"a": 1}):
        with pytest.raises(StackError, match=f"^{name}"):
            variable_forms.convert(name, VARIABLES[name], wrong)


def test_nested_options_have_types_and_names_of_their_own() -> None:
    scaling = VARIABLES["service_scaling"]
    typed = variable_forms.convert("service_scaling", scaling, {"min": "2", "max": "10"})
    assert typed == {**scaling["default"], "min": 2, "max": 10}
    text = '{"min": 2, "max": "10"}'
    assert variable_forms.convert("service_scaling", scaling, text) == typed
    for wrong, said in (
        ({"min": "two", "max": 10}, r"^service_scaling\.min is 'two'"),
        ({"min": 2, "max": True}, r"^service_scaling\.max is a boolean"),
        ({"min": 2}, r"^service_scaling\.max is missing"),
        ({"min": 2, "max": 10, "cpu_percnt": 5}, r"^service_scaling: .*cpu_percnt.*cpu_percent\?"),
    ):
        with pytest.raises(StackError, match=said):
            variable_forms.convert("service_scaling", scaling, wrong)


@pytest.mark.parametrize(
    "value", [17.10, 750, True, datetime.date(2026, 11, 28), None, ["a"], {"a": "b"}]
)
def test_a_text_that_is_none_is_refused_with_what_it_is_and_never_with_its_value(
    value: Any,
) -> None:
    with pytest.raises(StackError) as refused:
        variable_forms.convert("rds_engine_version", VARIABLES["rds_engine_version"], value)
    assert str(value) not in str(refused.value)
    assert "rds_engine_version is " in str(refused.value)


@pytest.mark.parametrize("role", ROLES)
def test_every_misspelt_variable_is_refused_with_the_nearest_one(role: str) -> None:
    known = Variables.of_role(role)
    for name in known.options:
        word = name.removeprefix(known.prefix)
        misspelt = f"{known.prefix}{word[:-1]}{word[-1]}{word[-1]}"
        (line,) = known.unknown([misspelt, name])
        assert line == f"{misspelt}: the role {role} has no such variable. Did you mean {name}?"


def test_a_variable_that_was_removed_is_refused_with_what_to_do() -> None:
    (line,) = Variables.of_role("service").unknown(["service_stack_name"])
    assert line.startswith("service_stack_name: a service's stack is called PLATFORM-service-NAME")
    assert line.endswith("Leave it out.")


def test_a_playbooks_variable_is_known_by_its_likeness() -> None:
    options: dict[str, Any] = {
        "platform": {},
        "delete_data": {},
        "all": {},
        "private_subnet_ids": {},
    }
    teardown = Variables("the playbook teardown", "", options)
    (line,) = teardown.misspelt(["delete_dat", "platform", "cluster_private_subnet_ids", "stage"])
    assert (
        line == "delete_dat: the playbook teardown has no such variable. Did you mean delete_data?"
    )


def test_other_names_are_nobodys_business() -> None:
    service = Variables.of_role("service")
    assert list(service.unknown(["rds_port", "_service_checked", "services", "platform"])) == []
    (line,) = service.unknown(["service_qqqqqqqqqqqq"])
    assert line.endswith("roles/service/README.md has a list of them.")


def test_what_must_be_set_and_is_not_is_named_in_a_line_each() -> None:
    lines = list(Variables.of_role("service").missing(["service_cpu"]))
    assert [line.split(" ")[0] for line in lines] == ["service_platform", "service_name"]
    assert "is missing. The role service needs it: Name of the platform" in lines[0]


def test_values_have_their_names_without_the_role_and_defaults_where_nothing_was_set() -> None:
    rendered = {}

    def render(text: str, known: Any) -> str:
        rendered[text] = dict(known)
        return "rendered"

    service = Variables.of_role("service")
    values = service.complete({"service_name": "orders", "service_cpu": 512}, render)
    assert (values["cpu"], values["memory"], values["database_name"]) == (512, 512, "rendered")
    assert all(known["service_name"] == "orders" for known in rendered.values())
    assert "image" not in values
    assert service.complete({}, render)["environment"] is not values["environment"]
