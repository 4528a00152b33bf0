"""Which lines make which metrics, and which make none."""

from __future__ import annotations

import json
from typing import Any

import pytest

from local_aws.embedded_metrics import Datum, MalformedMetricError, read

NOW = 1_800_000_000.0
DIRECTIVE = {
    "Namespace": "Tests",
    "Dimensions": [["Reason"], []],
    "Metrics": [{"Name": "Refused", "Unit": "Count"}],
}


def line(directive: dict[str, Any] | None = None, time: Any = None, **members: Any) -> str:
    at = int(NOW * 1000) if time is None else time
    metadata = {"Timestamp": at, "CloudWatchMetrics": [DIRECTIVE | (directive or {})]}
    return json.dumps({"_aws": metadata, "Reason": "busy", "Refused": 1} | members)


def test_a_metric_comes_of_each_set_of_dimensions() -> None:
    assert read(line(), NOW) == [
        Datum("Tests", "Refused", {"Reason": "busy"}, (1.0,), "Count", NOW),
        Datum("Tests", "Refused", {}, (1.0,), "Count", NOW),
    ]


def test_an_array_is_so_many_values() -> None:
    assert {it.values for it in read(line(Refused=[1, 2.5]), NOW)} == {(1.0, 2.5)}


@pytest.mark.parametrize(
    "other", ["no JSON", '{"message": "of \\"_aws\\""}', '["_aws"]', '{"_aws" ', "{}"]
)
def test_another_line_makes_none(other: str) -> None:
    assert read(other, NOW) == []


@pytest.mark.parametrize(
    ("malformed", "why"),
    [
        (line(time="now"), "Timestamp"),
        (line(time=int(NOW * 1000) - 15 * 86_400_000), "too far"),
        (line(time=int(NOW * 1000) + 3 * 3_600_000), "too far"),
        (line({"Namespace": ""}), "Namespace"),
        (line({"Dimensions": []}), "Dimensions is empty"),
        (line({"Dimensions": ["Reason"]}), "no array"),
        (line({"Dimensions": [[f"D{n}" for n in range(31)]]}), "more than 30"),
        (line({"Dimensions": [["Service"]]}), "Service has no text"),
        (line(Reason=7), "Reason has no text"),
        (line(Reason=" "), "Reason has no value"),
        (line(Reason="ü"), "Reason has no value"),
        (line(Reason="x" * 1025), "Reason has no value"),
        (line({"Metrics": [{"Name": "Gone"}]}), "Gone has no number"),
        (line({"Metrics": [{"Name": "Refused"}] * 101}), "more than 100"),
        (line({"Metrics": [{"Name": "Refused", "Unit": "Days"}]}), "no such unit: Days"),
        (line(Refused="1"), "no number"),
        (line(Refused=True), "no number"),
        (line(Refused=[]), "0 values"),
        (line(Refused=[1] * 101), "101 values"),
        (json.dumps({"_aws": []}), "no object"),
    ],
)
def test_a_line_that_is_not_of_the_form_makes_none_and_says_why(malformed: str, why: str) -> None:
    with pytest.raises(MalformedMetricError, match=why):
        read(malformed, NOW)
