"""A template is read, laid over and written without losing anything that CloudFormation sees."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.quayside.fargate.plugins.plugin_utils import overlays, template
from ansible_collections.quayside.fargate.plugins.plugin_utils.errors import StackError

ROOT = Path(__file__).parents[3]
OUR_TEMPLATES = sorted((ROOT / "templates").glob("*.yml"))

words = st.text("abcdefghijklmnopqrstuvwxyz:.-_ '\"#{}[]!&*|>%@`\n\t\\é\u2028", max_size=12)
plain_scalars = st.sampled_from(
    ["010", "2010-09-09", "1e3", "true", "no", "", "12:30:45", "1_000", "~", "0x1F", "a b"]
).map(template.Plain)
scalars = st.one_of(words, plain_scalars)
names = st.sampled_from(["Cluster", "Db2"]).map(template.Plain)
attributes = st.sampled_from(["Arn", "Endpoint.Address"]).map(template.Plain)
functions = st.one_of(
    st.builds(lambda name: {"Ref": name}, words),
    st.builds(lambda text: {"Fn::Sub": text}, words),
    st.builds(lambda parts: {"Fn::GetAtt": list(parts)}, st.tuples(names, attributes)),
    st.builds(lambda part: {"Fn::Base64": {"Fn::Sub": part}}, words),
    st.builds(lambda items: {"Fn::Join": [",", items]}, st.lists(words, max_size=3)),
)
documents = st.recursive(
    st.one_of(scalars, functions),
    lambda values: st.one_of(
        st.lists(values, max_size=4), st.dictionaries(words, values, max_size=4)
    ),
    max_leaves=25,
)


def scalars_of(value: Any) -> list[tuple[str, bool]]:
    """Return each scalar of a template and whether it is plain."""
    if isinstance(value, dict):
        return [item for pair in value.items() for part in pair for item in scalars_of(part)]
    if isinstance(value, list):
        return [item for part in value for item in scalars_of(part)]
    return [(str(value), isinstance(value, template.Plain))]


def resources(text: str) -> Any:
    return template.load(f"Resources:\n  {text}\n")["Resources"]


@given(documents)
def test_what_is_written_reads_back_as_it_was(document: Any) -> None:
    original = {template.Plain("Resources"): {"A": document}}
    again = template.load(template.dump(original))
    assert again == original
    assert scalars_of(again) == scalars_of(original)


def test_functions_are_written_in_their_short_form() -> None:
    document = "Resources: {A: !Sub '${B}-c', D: !GetAtt E.Endpoint.Address, F: !Ref G}\n"
    assert template.dump(template.load(document)) == document


@pytest.mark.parametrize("path", OUR_TEMPLATES, ids=lambda path: path.name)
def test_our_own_templates_survive_reading_and_writing(path: Path) -> None:
    document = template.load(path.read_text(encoding="utf-8"))
    again = template.load(template.dump(document))
    assert again == document
    assert scalars_of(again) == scalars_of(document)


@pytest.mark.parametrize(
    ("short", "long"),
    [
        ("!Ref Queue", {"Ref": "Queue"}),
        ("!Condition HasQueue", {"Condition": "HasQueue"}),
        ("!GetAtt Cluster.Endpoint.Address", {"Fn::GetAtt": ["Cluster", "Endpoint.Address"]}),
        ("!GetAtt [Cluster, !Ref Name]", {"Fn::GetAtt": ["Cluster", {"Ref": "Name"}]}),
        ("!Sub '${A}-b'", {"Fn::Sub": "${A}-b"}),
        ("!Join [',', [a, !Ref B]]", {"Fn::Join": [",", ["a", {"Ref": "B"}]]}),
        ("!GetAZs ''", {"Fn::GetAZs": ""}),
        (
            "!If [A, !Ref B, !Ref AWS::NoValue]",
            {"Fn::If": ["A", {"Ref": "B"}, {"Ref": "AWS::NoValue"}]},
        ),
    ],
)
def test_short_forms_become_the_long_forms_of_cloudformation(short: str, long: Any) -> None:
    assert resources(f"A: {short}")["A"] == long


def test_a_policy_date_and_an_account_number_stay_as_they_are_written() -> None:
    document = template.load("Resources: {A: {Version: 2012-10-17, Account: 012345670123}}")
    assert document["Resources"]["A"] == {"Version": "2012-10-17", "Account": "012345670123"}
    assert "Version: 2012-10-17" in template.dump(document)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Resources: {A: !Reff B}", "The tag !Reff is unknown (line 1, column 16)"),
        ("Resources: {A: 1, A: 2}", "The key A is there twice (line 1, column 19)"),
        ("Resources: [1]", "no map Resources"),
        ("", "no map Resources"),
        ("Resources: {A: [}", "is not a template"),
        ("Resources: {A: &x [*x]}", "an alias holds itself"),
        ("Resources: {A: !!python/object:os.system ls}", "is unknown"),
        ("Resources: {? [a] : b}", "A key is no single word"),
    ],
)
def test_what_is_no_template_is_refused_with_its_place(text: str, said: str) -> None:
    with pytest.raises(StackError) as refused:
        template.load(text, "app.yml")
    assert said in str(refused.value)


def test_a_template_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(StackError, match=r"missing\.yml"):
        template.read(tmp_path / "missing.yml")


def test_maps_merge_and_null_removes() -> None:
    base = {"A": {"x": "1", "y": "2", "z": {"Ref": "Z"}}}
    patch = {"A": {"x": None, "y": 3, "new": {"deep": True, "none": None}}}
    assert overlays.overlay(base, patch) == {
        "A": {"y": 3, "z": {"Ref": "Z"}, "new": {"deep": True}}
    }


def test_an_overlay_of_an_unknown_resource_is_refused_with_the_closest_one() -> None:
    document = {"Resources": {"TaskDefinition": {"Type": "AWS::ECS::TaskDefinition"}}}
    overlays.check_overlay(document, {"Resources": {"New": {"Type": "AWS::SQS::Queue"}}})
    overlays.check_overlay(document, {"Resources": {"TaskDefinition": None}, "Outputs": {}})
    with pytest.raises(StackError, match=r"TaskDefinitoin, which .* Did you mean TaskDefinition\?"):
        overlays.check_overlay(document, {"Resources": {"TaskDefinitoin": {"Properties": {}}}})


def test_functions_are_replaced_not_merged() -> None:
    assert overlays.overlay({"A": {"Ref": "B"}}, {"A": {"Fn::Sub": "x"}}) == {"A": {"Fn::Sub": "x"}}
    assert overlays.overlay({"A": {"Ref": "B"}}, {"A": {"Name": "x"}}) == {"A": {"Name": "x"}}


def test_the_condition_of_a_resource_is_an_attribute_and_no_function() -> None:
    base = {"Queue": {"Type": "AWS::SQS::Queue"}}
    assert overlays.overlay(base, {"Queue": {"Condition": "Wanted"}}) == {
        "Queue": {"Type": "AWS::SQS::Queue", "Condition": "Wanted"}
    }


def test_lists_of_named_items_merge_by_name() -> None:
    base = [{"Name": "A", "Value": "1"}, {"Name": "B", "Value": {"Ref": "B"}}]
    patch = [{"Name": "C", "Value": "3"}, {"Name": "A", "Value": "2"}]
    assert overlays.overlay(base, patch) == [
        {"Name": "A", "Value": "2"},
        {"Name": "B", "Value": {"Ref": "B"}},
        {"Name": "C", "Value": "3"},
    ]


def test_a_named_item_of_nulls_is_removed() -> None:
    base = [{"Key": "A", "Value": "1"}, {"Key": "B", "Value": "2"}]
    assert overlays.overlay(base, [{"Key": "A", "Value": None}]) == [{"Key": "B", "Value": "2"}]


def test_other_lists_are_replaced() -> None:
    assert overlays.overlay({"A": ["x", "y"]}, {"A": ["z"]}) == {"A": ["z"]}
    mixed = [{"Name": "A"}, {"Other": "B"}]
    assert overlays.overlay(mixed, [{"Name": "A", "Value": "1"}]) == [{"Name": "A", "Value": "1"}]


@pytest.mark.parametrize(
    ("item", "said"),
    [
        ({"Name": False, "Value": "x"}, "a Name is a boolean"),
        ({"Name": 5, "Value": "x"}, "a Name is a number"),
        ({"Value": "x"}, "a Name is missing"),
        ("A=1", "a Name is missing"),
    ],
)
def test_an_item_without_a_name_takes_no_named_ones_away(item: Any, said: str) -> None:
    with pytest.raises(StackError, match=f"laid over PORT, A {said}, and a text is due"):
        overlays.overlay([{"Name": "PORT"}, {"Name": "A"}], [item])


@pytest.mark.parametrize(
    "item",
    [
        {"Name": {"Ref": "Variable"}, "Value": "x"},
        {"Fn::If": ["A", {"Name": "x"}, {"Name": "y"}]},
    ],
)
def test_an_item_that_a_function_names_comes_behind_the_named_ones(item: Any) -> None:
    base = [{"Name": "PORT", "Value": "1"}]
    assert overlays.overlay(base, [item]) == [*base, item]


def test_an_optional_item_keeps_its_name_and_its_neighbours() -> None:
    optional = {"Fn::If": ["Has", {"Name": "DB", "Value": "1"}, {"Ref": "AWS::NoValue"}]}
    patch = [{"Name": "LEVEL", "Value": "debug"}]
    assert overlays.overlay([optional], patch) == [optional, *patch]
    replaced = overlays.overlay([optional], [{"Name": "DB", "Value": "2"}])
    assert replaced == [
        {"Fn::If": ["Has", {"Name": "DB", "Value": "2"}, {"Name": "DB", "Value": "2"}]}
    ]


def test_an_overlay_reaches_both_branches_of_a_condition() -> None:
    base = {"Fn::If": ["Has", [{"Name": "A", "Value": "1"}], {"Ref": "AWS::NoValue"}]}
    added = {"Name": "B", "Value": "2"}
    assert overlays.overlay(base, [added]) == {
        "Fn::If": ["Has", [{"Name": "A", "Value": "1"}, added], [added]]
    }


@given(documents, documents)
def test_an_overlay_changes_neither_of_its_parts(base: Any, patch: Any) -> None:
    before = repr((base, patch))
    overlays.overlay(base, patch)
    assert repr((base, patch)) == before


@given(st.dictionaries(words, documents, max_size=5))
def test_laying_a_template_over_itself_changes_nothing(document: dict[str, Any]) -> None:
    once = overlays.overlay({}, document)
    assert overlays.overlay(once, once) == once


numbers = st.integers(-(10**30), 10**30) | st.floats(allow_nan=False, allow_infinity=False)


@pytest.mark.parametrize("key", ["Name", "Key"])
@given(number=numbers)
def test_a_number_as_a_variable_or_tag_is_the_text_of_its_digits(key: str, number: float) -> None:
    document = {"Resources": {"A": {key: "ACCOUNT", "Value": number}}}
    value = template.load(template.dump(document))["Resources"]["A"]["Value"]
    assert not isinstance(value, template.Plain)
    assert "e" not in value.lower()
    assert Decimal(value) == Decimal(repr(number))


@given(number=numbers)
def test_a_number_that_cloudformation_would_write_another_way_is_quoted(number: float) -> None:
    document = {"Resources": {"A": {"Limit": number}}}
    value = template.load(template.dump(document))["Resources"]["A"]["Limit"]
    assert Decimal(value) == Decimal(repr(number))
    if isinstance(value, template.Plain):
        assert "e" not in value.lower()
        assert abs(number) < 2**31


def test_a_number_of_moderate_size_stays_a_number() -> None:
    text = template.dump({"Resources": {"A": {"Timeout": 60, "Ratio": 0.5, "On": True}}})
    assert "{'Timeout': 60, 'Ratio': 0.5, 'On': true}" in text


def test_what_is_not_finite_is_refused() -> None:
    with pytest.raises(StackError, match="float"):
        template.dump({"Resources": {"A": {"Name": "X", "Value": float("nan")}}})
