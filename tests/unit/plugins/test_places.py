"""What stays in a list of parameters stays in its parameter."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.quayside.fargate.plugins.plugin_utils import places, template

TEMPLATES = Path(__file__).parents[3] / "templates"
DOCUMENT = template.load((TEMPLATES / "load_balancer.yml").read_text())
(NAMES,) = DOCUMENT["Metadata"]["Quayside"]["Places"]
ITEMS = st.sampled_from(["", *"abcdefgh"])


def parameters(values: list[str]) -> list[dict[str, Any]]:
    return [
        {"ParameterKey": name, "ParameterValue": value}
        for name, value in zip(NAMES, values, strict=False)
    ]


def deployed(before: list[str], after: list[dict[str, Any]]) -> list[str]:
    """Return what the places have after a deployment of the load balancer."""
    description = {"Parameters": parameters([*before, *[""] * 8][:8])}
    asked = places.arranged(DOCUMENT, description, {"StackName": "it", "Parameters": after})
    assert asked["StackName"] == "it"
    now = {it["ParameterKey"]: it.get("ParameterValue", "kept") for it in asked["Parameters"]}
    return [now.get(name, "") for name in NAMES]


def without_tail(values: list[str]) -> list[str]:
    while values and not values[-1]:
        values = values[:-1]
    return values


@pytest.mark.parametrize(
    ("before", "after", "placed"),
    [
        ([], ["a", "b"], ["a", "b"]),
        (["a", "b"], ["b"], ["", "b"]),
        (["a", "b"], ["b", "a"], ["a", "b"]),
        (["a", "b"], ["c", "b", "d"], ["c", "b", "d"]),
        (["", "b"], ["b", "a"], ["a", "b"]),
        (["a"], [], []),
        ([], ["a", "a"], ["a"]),
    ],
)
def test_what_stays_keeps_its_place_and_what_is_new_takes_a_free_one(
    before: list[str], after: list[str], placed: list[str]
) -> None:
    assert without_tail(deployed(before, parameters(after))) == placed


@given(
    before=st.lists(ITEMS, min_size=8, max_size=8).filter(lambda it: all(map(once(it), it))),
    wanted=st.lists(ITEMS, min_size=8, max_size=8),
)
def test_nothing_moves_and_nothing_is_lost(before: list[str], wanted: list[str]) -> None:
    placed = places.in_place(before, wanted)
    assert sorted(filter(None, placed)) == sorted({*filter(None, wanted)})
    moved = [new for old, new in zip(before, placed, strict=True) if new != old and new in before]
    assert [it for it in moved if it] == []


def once(items: list[str]) -> Any:
    return lambda it: not it or items.count(it) == 1


def test_a_stack_that_keeps_its_values_is_asked_for_the_same() -> None:
    kept = [{"ParameterKey": name, "UsePreviousValue": True} for name in NAMES]
    assert deployed(["a", "b"], kept) == ["kept"] * 8


def test_a_new_stack_and_another_template_are_left_alone() -> None:
    request = {"Parameters": parameters(["a", "b"])}
    assert places.arranged(DOCUMENT, None, request) == request
    assert places.arranged({"Resources": {}}, None, request) == request
