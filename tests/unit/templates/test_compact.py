"""templates/compact/service.yml, for who deploys without a bucket, is service.yml all the same."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from cfnlint.decode import cfn_yaml
from hypothesis import given
from hypothesis import strategies as st

from docs import compact_template
from tests.unit.templates.templates import FOLDER, load
from tests.unit.templates.test_packaged import packaged

ONLY_FOR_PEOPLE = {"Description", "ConstraintDescription"}
COMPACT = FOLDER / "compact" / "service.yml"
TEXTS = st.text(max_size=20) | st.sampled_from(
    ["true", "no", "1", "0x1", "1:30", "2010-09-09", "~", "", "a: b", "a #b", "it's", "AWS::Region"]
)


def compact() -> dict[str, Any]:
    template: dict[str, Any] = cfn_yaml.load(str(COMPACT))
    return template


def test_it_is_written_from_the_template() -> None:
    """After a change of service.yml: make roles."""
    wanted = compact_template.text(
        compact_template.compact(cfn_yaml.load(str(FOLDER / "service.yml")))
    )
    assert COMPACT.read_text("utf-8") == wanted


def test_it_makes_the_same_of_the_same_parameters() -> None:
    for section in ("Rules", "Conditions", "Resources"):
        assert compact()[section] == load("service")[section], section


def test_what_it_lacks_is_what_only_people_read() -> None:
    for section in ("Parameters", "Outputs"):
        for name, entry in load("service")[section].items():
            left_out = entry.keys() - compact()[section][name].keys()
            assert left_out <= ONLY_FOR_PEOPLE, name
            assert {key: entry[key] for key in entry.keys() - left_out} == compact()[section][name]
    assert load("service")["Metadata"].keys() - compact()["Metadata"].keys() == {
        "AWS::CloudFormation::Interface"
    }
    assert load("service").keys() == compact().keys()


def test_the_aws_cli_reads_the_same_in_it() -> None:
    """It reads YAML with functions' short forms; `packaged` does as it does."""
    whole = compact_template.compact(load("service"))
    assert yaml.safe_load(packaged(COMPACT.read_text("utf-8"))) == _as_the_cli_has_it(whole)


def _as_the_cli_has_it(node: Any) -> Any:
    if isinstance(node, dict):
        return {
            str(key): of.split(".", 1)
            if key == "Fn::GetAtt" and isinstance(of, str)
            else _as_the_cli_has_it(of)
            for key, of in node.items()
        }
    return [_as_the_cli_has_it(each) for each in node] if isinstance(node, list) else node


@given(
    st.recursive(
        TEXTS | st.integers() | st.booleans(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
        max_leaves=12,
    )
)
def test_whatever_a_template_holds_is_read_as_it_was(value: Any) -> None:
    text = compact_template.text({"Section": {"Entry": value}})
    assert yaml.safe_load(text) == {"Section": {"Entry": value}}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"Ref": "AWS::NoValue"}, "!Ref AWS::NoValue"),
        ({"Fn::GetAtt": ["Role", "Arn"]}, "!GetAtt Role.Arn"),
        ({"Fn::If": ["Is", {"Ref": "A"}, "b"]}, "!If [Is,!Ref A,b]"),
        ({"Fn::ImportValue": {"Fn::Sub": "${A}-b"}}, "{Fn::ImportValue: !Sub '${A}-b'}"),
        ({"Fn::Contains": [["a"], {"Ref": "A"}]}, "{Fn::Contains: [[a],!Ref A]}"),
        ({"Condition": "Is", "Type": "T"}, "{Condition: Is,Type: T}"),
    ],
)
def test_functions_are_short_where_cloudformation_takes_it(value: Any, text: str) -> None:
    assert compact_template.text({"Section": {"Entry": value}}) == f"Section:\n Entry: {text}\n"
