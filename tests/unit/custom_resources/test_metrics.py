"""What the functions of the rotation count, in the form that CloudWatch takes."""

from __future__ import annotations

import json
import logging
import os
import string
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest
from hypothesis import given
from hypothesis import strategies as st

from custom_resources.contract.names import USERS, ServiceUser
from custom_resources.contract.outcomes import FAILED, FINISHED, REFUSED, ROLLED_BACK, Move, Reason
from custom_resources.rotation import metrics as rotation
from custom_resources.shared import log, metrics
from local_aws.embedded_metrics import Datum, read

NAME = {"type": "string", "minLength": 1, "maxLength": 255}
DEFINITION = {
    "type": "object",
    "required": ["Name"],
    "additionalProperties": False,
    "properties": {"Name": NAME, "Unit": {"enum": ["Count", "None"]}},
}
DIRECTIVE = {
    "type": "object",
    "required": ["Namespace", "Dimensions", "Metrics"],
    "additionalProperties": False,
    "properties": {
        "Namespace": NAME,
        "Dimensions": {
            "type": "array",
            "minItems": 1,
            "items": {"type": "array", "maxItems": 30, "items": NAME},
        },
        "Metrics": {"type": "array", "minItems": 1, "maxItems": 100, "items": DEFINITION},
    },
}
# The embedded metric format's own schema (CloudWatch user guide, "Specification: Embedded metric
# format"), and beyond it: nothing that the specification doesn't know.
SCHEMA = {
    "type": "object",
    "required": ["_aws"],
    "properties": {
        "_aws": {
            "type": "object",
            "required": ["Timestamp", "CloudWatchMetrics"],
            "additionalProperties": False,
            "properties": {
                "Timestamp": {"type": "integer", "minimum": 0},
                "CloudWatchMetrics": {"type": "array", "minItems": 1, "items": DIRECTIVE},
            },
        }
    },
    "additionalProperties": {"type": ["string", "number"]},
}
BLUE, GREEN = (ServiceUser("shop", "orders", colour) for colour in USERS)

Say = Callable[[], list[Datum]]


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> Say:
    """The metrics in all lines so far, each of which is of the form."""
    monkeypatch.setenv("PLATFORM", "shop")
    caplog.set_level(logging.INFO, logger="quayside")

    def metrics_so_far() -> list[Datum]:
        lines = [it.getMessage() for it in caplog.records if it.name == "quayside.metrics"]
        found = []
        for line in lines:
            document = json.loads(line)
            jsonschema.validate(document, SCHEMA)
            found += read(line, document["_aws"]["Timestamp"] / 1000)
        return found

    return metrics_so_far


def told(data: list[Datum]) -> list[tuple[str, dict[str, str], float]]:
    return [(it.name, dict(it.dimensions), sum(it.values)) for it in data]


names = st.text(string.ascii_letters, min_size=1, max_size=20)


@given(
    values=st.dictionaries(names.map("V{}".format), st.floats(0, 1e9) | st.integers(0, 9)),
    dimensions=st.dictionaries(names.map("D{}".format), names, max_size=5),
    data=st.data(),
)
def test_whatever_is_put_is_what_cloudwatch_reads(
    values: dict[str, float], dimensions: dict[str, str], data: st.DataObject
) -> None:
    subset = (
        st.lists(st.sampled_from(sorted(dimensions)), unique=True) if dimensions else st.just([])
    )
    sets = data.draw(st.none() | st.lists(subset, min_size=1, max_size=3))
    line = metrics.line("Quayside/shop", values or {"V": 1}, dimensions, sets, 1_800_000_000_000)

    document = json.loads(line)
    jsonschema.validate(document, SCHEMA)
    wanted = [[*dimensions]] if sets is None else sets
    found = read(line, 1_800_000_000)
    assert [(it.name, dict(it.dimensions), it.values) for it in found] == [
        (name, {key: dimensions[key] for key in keys}, (float(value),))
        for keys in wanted
        for name, value in (values or {"V": 1}).items()
    ]


def test_a_line_is_all_there_is_of_its_event_whatever_level_people_read() -> None:
    code = (
        "from custom_resources.shared import log, metrics; log.begin(); metrics.put('N', {'V': 1})"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "LOG_LEVEL": "ERROR"},
        capture_output=True,
        text=True,
        check=True,
    )
    document = json.loads(ran.stdout + ran.stderr)
    jsonschema.validate(document, SCHEMA)
    assert document["V"] == 1


def test_a_secret_in_a_line_is_struck_out(said: Say) -> None:
    log.confide("hunter2")
    metrics.put("Quayside/shop", {"V": 1}, {"D": "hunter2"})
    log.forget_secrets()
    assert [dict(it.dimensions) for it in said()] == [{"D": "****"}]


def test_a_refusal_is_counted_by_its_reason_and_as_a_whole(said: Say) -> None:
    rotation.count_rotation(REFUSED, Reason.TASK)
    assert told(said()) == [
        ("RotationsRefused", {"Reason": "task"}, 1.0),
        ("RotationsRefused", {}, 1.0),
    ]


@pytest.mark.parametrize("outcome", ["created", "finished", FAILED])
def test_the_beginning_and_the_end_of_a_rotation_are_counted(said: Say, outcome: str) -> None:
    rotation.count_rotation(outcome)
    assert told(said()) == [(rotation.OF_ROTATIONS[outcome], {}, 1.0)]


@pytest.mark.parametrize("outcome", ["set", "tested", "nothing to do"])
def test_a_step_in_between_is_not_counted(said: Say, outcome: str) -> None:
    rotation.count_rotation(outcome)
    assert said() == []


def test_flips_are_counted_when_they_begin_end_and_go_back(said: Say) -> None:
    for outcome in (*(it.value for it in Move), ROLLED_BACK, REFUSED):
        rotation.count_flip(outcome)
    assert {it.name for it in said()} == {"FlipsBegun", "FlipsFinished", "RolledBackFlips"}
    assert len(said()) == 3


AGES = {BLUE: 31.5, GREEN: 16.25, ServiceUser("shop", "billing", "blue"): 2.0}


def test_the_oldest_password_of_each_colour_and_of_all_is_told(said: Say) -> None:
    rotation.tell_ages(AGES, each=False)
    assert told(said()) == [
        ("PasswordAgeDays", {"User": "blue"}, 31.5),
        ("PasswordAgeDays", {}, 31.5),
        ("PasswordAgeDays", {"User": "green"}, 16.25),
        ("PasswordAgeDays", {}, 16.25),
    ]


def test_each_services_are_told_if_that_is_asked_for(said: Say) -> None:
    rotation.tell_ages(AGES, each=True)
    assert told(said())[4:] == [
        ("PasswordAgeDays", {"Service": user.service, "User": user.colour}, age)
        for user, age in AGES.items()
    ]


def test_a_platform_without_passwords_tells_zero_so_that_the_alarm_ends(said: Say) -> None:
    rotation.tell_ages({}, each=True)
    assert told(said()) == [("PasswordAgeDays", {}, 0)]


def test_all_are_of_the_platforms_namespace(said: Say) -> None:
    rotation.tell_overdue(0)
    assert [(it.namespace, it.name, it.values) for it in said()] == [
        ("Quayside/shop", "OverdueSecrets", (0.0,))
    ]


def test_a_function_that_is_not_told_its_platform_yet_goes_on_without(
    said: Say, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PLATFORM")
    rotation.count_rotation(FINISHED)
    assert said() == []


def test_the_dimensions_have_an_end(said: Say) -> None:
    for reason in Reason:
        rotation.count_rotation(REFUSED, reason)
    rotation.tell_ages(AGES, each=True)
    values: dict[str, Any] = {}
    for it in said():
        for name, value in it.dimensions.items():
            values.setdefault(name, set()).add(value)
    assert values == {
        "Reason": {it.value for it in Reason},
        "User": set(USERS),
        "Service": {"orders", "billing"},
    }
