"""How properties are read."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from custom_resources.shared.failure import Failure
from custom_resources.shared.properties import Properties

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


def test_cloudformations_own_properties_are_no_mistake() -> None:
    Properties({"ServiceToken": "arn", "ServiceTimeout": "60"}, [])


@given(value=JSON)
def test_whatever_is_sent_is_read_or_refused_by_name(value: object) -> None:
    properties = Properties({"A": value}, ["A"])
    for read in (
        lambda: properties.text("A"),
        lambda: properties.number("A", low=0, high=9),
        lambda: properties.choice("A", ["x", "y"]),
        lambda: properties.texts("A", pattern="[a-z]+", form="a word"),
    ):
        assert (refusal(read) or "Property A ").startswith("Property A ")


def refusal(read: Callable[[], object]) -> str | None:
    try:
        read()
    except Failure as refused:
        return str(refused)
    return None


@given(number=st.integers(0, 10**8), low=st.integers(0, 100), span=st.integers(0, 10**6))
def test_a_number_is_taken_from_low_to_high(number: int, low: int, span: int) -> None:
    properties = Properties({"A": str(number)}, ["A"])
    if low <= number <= low + span:
        assert properties.number("A", low=low, high=low + span) == number
    else:
        with pytest.raises(Failure):
            properties.number("A", low=low, high=low + span)


def test_a_long_value_is_shortened_in_the_error() -> None:
    with pytest.raises(Failure) as refused:
        Properties({"A": "x" * 10_000}, ["A"]).number("A", low=0, high=1)

    assert len(str(refused.value)) < 200


def test_an_empty_list_as_split_makes_it_is_empty() -> None:
    assert Properties({"A": [""]}, ["A"]).texts("A", pattern="x", form="x") == ()
