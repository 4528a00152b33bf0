"""Every parameter gets its value from the right place, or a sentence says what is missing."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.quayside.fargate.plugins.plugin_utils import parameters
from ansible_collections.quayside.fargate.plugins.plugin_utils.errors import StackError
from ansible_collections.quayside.fargate.plugins.plugin_utils.parameters import Sources

TEXT = {"Type": "String"}


def resolved(declared: dict[str, Any], **sources: Any) -> dict[str, str | bool]:
    """Return parameter -> value, or True for a kept one."""
    return {
        str(item["ParameterKey"]): item.get("ParameterValue", True)
        for item in parameters.resolve(declared, Sources(**sources))
    }


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "true"),
        (False, "false"),
        ("yes", "yes"),
        ("", ""),
        (7, "7"),
        (0.5, "0.5"),
        (1e16, "10000000000000000"),
        (["a", 1, True], "a,1,true"),
        ([], ""),
    ],
)
def test_values_become_what_cloudformation_reads(value: Any, text: str) -> None:
    assert parameters.as_text("parameters.X", value) == text


@pytest.mark.parametrize(
    "value",
    [{"a": 1}, [["a"]], ["a,b"], date(2026, 1, 2), float("nan"), float("inf"), b"x", [None]],
)
def test_a_value_of_another_type_is_refused_by_name(value: Any) -> None:
    with pytest.raises(StackError, match=r"parameters\.X"):
        parameters.as_text("parameters.X", value)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_stands_without_exponent_and_means_the_same(value: float) -> None:
    text = parameters.as_text("parameters.X", value)
    assert float(text) == value
    assert "e" not in text.lower()


def test_the_places_are_asked_in_their_order() -> None:
    places: dict[str, tuple[str, Any]] = {
        "explicit": ("explicit", {"A": "explicit"}),
        "option": ("options", {"A": "option"}),
        "output": ("outputs", {"stack": {"A": "output"}}),
        "initial": ("initial", {"A": "initial"}),
    }
    for at, first in enumerate(places):
        assert resolved({"A": TEXT}, **dict([*places.values()][at:])) == {"A": first}


def test_an_empty_option_gives_way_to_an_output_and_to_nothing_else() -> None:
    empty: dict[str, Any] = {"options": {"A": ""}, "initial": {"A": "initial"}}
    assert resolved({"A": TEXT}, **empty, outputs={"stack": {"A": "output"}}) == {"A": "output"}
    assert resolved({"A": TEXT}, **empty, outputs={"stack": {}}) == {"A": ""}
    assert resolved({"A": TEXT}, **empty, previous=["A"]) == {"A": ""}


def test_an_existing_stack_keeps_its_value_before_the_initial_one_and_the_default() -> None:
    declared = {"A": {"Type": "String", "Default": "default"}}
    assert resolved(declared, initial={"A": "initial"}, previous=["A"]) == {"A": True}
    assert resolved(declared, previous=[]) == {}


def test_the_first_stack_with_the_output_wins() -> None:
    outputs = {"one": {}, "two": {"A": "2"}, "three": {"A": "3"}}
    assert resolved({"A": TEXT}, outputs=outputs) == {"A": "2"}


def test_a_parameter_may_take_an_output_of_another_name() -> None:
    references, others = parameters.split({"A": {"output": "B"}, "C": "c"})
    assert others == {"C": "c"}
    outputs = {"one": {"A": "not this", "B": "this"}}
    assert resolved({"A": TEXT}, references=references, outputs=outputs) == {"A": "this"}


@pytest.mark.parametrize("name", ["Template", "Version"])
def test_what_a_stack_tells_of_its_template_fills_a_parameter_only_if_asked_for(name: str) -> None:
    outputs = {"shop-support": {name: "1.1.0"}}
    declared = {name: {"Type": "String", "Default": "app-7"}}
    assert resolved(declared, outputs=outputs) == {}
    assert resolved(declared, outputs=outputs, references={name: name}) == {name: "1.1.0"}


def test_all_missing_parameters_are_named_with_the_places_that_were_asked() -> None:
    with pytest.raises(StackError) as refused:
        resolved({"A": TEXT, "B": TEXT}, outputs={"shop-network": {}}, references={"B": "Other"})
    assert "No value for A, B (output Other): looked in parameters" in str(refused.value)
    assert "the outputs of shop-network, initial_parameters" in str(refused.value)


def test_an_unknown_name_is_refused_with_the_closest_one() -> None:
    with pytest.raises(StackError, match=r"no parameter HostNane\. Did you mean HostName\?"):
        parameters.check({"HostName": TEXT, "Cpu": TEXT}, {"HostNane": "x"})


@pytest.mark.parametrize(
    ("definition", "bad", "good", "said"),
    [
        ({"Type": "String", "AllowedPattern": "[a-z]+"}, "ab1", "ab", "match [a-z]+"),
        ({"Type": "String", "AllowedValues": ["a", "b"]}, "c", "a", "only 'a', 'b'"),
        ({"Type": "String", "MinLength": "2"}, "a", "ab", "at least 2 characters"),
        ({"Type": "String", "MaxLength": "2"}, "abc", "ab", "at most 2 characters"),
        ({"Type": "Number", "MinValue": "2"}, "1", "2", "at least 2"),
        ({"Type": "Number", "MaxValue": "2.5"}, "3", "2.5", "at most 2.5"),
        ({"Type": "Number"}, "two", "2", "be a number"),
        ({"Type": "Number", "AllowedValues": ["256", "512"]}, "300", "256", "only"),
        ({"Type": "List<Number>", "MaxValue": "9"}, "1,10", "1, 9", "at most 9"),
        ({"Type": "CommaDelimitedList", "AllowedPattern": "[a-z]+"}, "a,1", "a,b", "match"),
        ({"Type": "CommaDelimitedList", "AllowedValues": ["a"]}, "a,b", "", "only 'a'"),
    ],
)
def test_what_the_template_refuses_is_refused_here(
    definition: dict[str, Any], bad: str, good: str, said: str
) -> None:
    parameters.check({"A": definition}, {"A": good})
    with pytest.raises(StackError) as refused:
        parameters.check({"A": definition}, {"A": bad})
    assert "Parameter A is " in str(refused.value)
    assert said in str(refused.value)


def test_a_refused_value_is_named_by_the_variable_it_came_from() -> None:
    declared = {"HealthCheckPath": {"Type": "String", "AllowedPattern": "/.*"}}
    with pytest.raises(StackError, match=r"^service_health_check_path "):
        parameters.check(declared, {"HealthCheckPath": "x"}, "service")


def test_a_refused_secret_is_not_shown() -> None:
    declared = {"A": {"Type": "String", "NoEcho": "true", "MaxLength": "3"}}
    with pytest.raises(StackError) as refused:
        parameters.check(declared, {"A": "canary-7f3a"})
    assert "canary" not in str(refused.value)


def test_a_pattern_that_only_java_reads_is_left_to_cloudformation() -> None:
    parameters.check({"A": {"Type": "String", "AllowedPattern": r"\p{Lower}+"}}, {"A": "b"})


def test_an_ssm_parameter_type_is_left_to_cloudformation() -> None:
    definition = {"Type": "AWS::SSM::Parameter::Value<String>", "AllowedValues": ["resolved"]}
    parameters.check({"A": definition}, {"A": "/path/of/it"})


def test_secrets_are_masked_the_longest_first() -> None:
    assert parameters.hide("a-canary-long b-canary", ["canary", "canary-long", ""]) == (
        "a-**** b-****"
    )


RUNTIME = {"FunctionRuntime": {"Type": "String"}}


def test_an_error_that_quotes_a_value_names_the_variable_it_came_from() -> None:
    said = "This machine has no interpreter for the runtime python3.13. Use python3.11."
    told = parameters.quoted(said, RUNTIME, {"FunctionRuntime": "python3.13"}, "support")
    assert told == (
        " python3.13 is the value of support_function_runtime (parameter FunctionRuntime)."
    )


def test_an_error_that_names_the_variable_doesnt_name_it_again() -> None:
    said = "support_function_runtime (parameter FunctionRuntime) is 'python3.13', and it stays."
    assert parameters.quoted(said, RUNTIME, {"FunctionRuntime": "python3.13"}, "support") == ""


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("python3.1", "no interpreter for python3.13"),
        ("shop-rds", "Stack shop-rds-2 is ROLLBACK_COMPLETE"),
        ("a.test", "the name b.a.test is taken"),
        ("internal", "an internal failure"),
        ("400", "Status Code: 400"),
        ("", "anything"),
    ],
)
def test_an_error_that_has_a_value_by_chance_names_no_variable(value: str, said: str) -> None:
    assert parameters.quoted(said, RUNTIME, {"FunctionRuntime": value}, "support") == ""


def test_an_error_that_quotes_a_secret_names_no_variable() -> None:
    declared = {"Token": {"Type": "String", "NoEcho": "true"}}
    assert parameters.quoted("it was abc-123", declared, {"Token": "abc-123"}, "support") == ""


@pytest.mark.parametrize(
    ("previous", "value"),
    [(None, "2"), ({}, "2"), ({"Count": "5"}, "2"), ({"Count": ""}, ""), ({"Count": None}, "2")],
)
def test_what_a_stack_has_empty_stays_so_where_the_value_says_so(
    previous: dict[str, str | None] | None, value: str
) -> None:
    defaults, others = parameters.unless_empty({"Count": {"unless_empty": "2"}, "Other": {"a": 1}})
    assert others == {"Other": {"a": 1}}
    assert resolved({"Count": TEXT}, defaults=defaults, previous=previous) == {"Count": value}
