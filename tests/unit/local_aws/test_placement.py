"""Tasks go to the providers of their strategy as the ECS API reference says."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local_aws.mends.ecs.placement import placed, strategy_problem

BOTH = ("FARGATE", "FARGATE_SPOT")


def strategy(on_demand: int, spot: int, base: int = 0) -> list[dict[str, Any]]:
    return [
        {"capacityProvider": "FARGATE", "weight": on_demand, "base": base},
        {"capacityProvider": "FARGATE_SPOT", "weight": spot},
    ]


@given(on_demand=st.integers(0, 9), count=st.integers(0, 60), base=st.integers(0, 5))
def test_the_base_comes_first_and_the_rest_by_weight(on_demand: int, count: int, base: int) -> None:
    spot = 10 - on_demand
    found = Counter(placed(strategy(on_demand, spot, base if on_demand else 0), {}, count))
    assert sum(found.values()) == count
    beyond = max(0, count - (base if on_demand else 0))
    assert abs(found["FARGATE_SPOT"] - beyond * spot / 10) < 1


@given(count=st.integers(0, 30), first=st.integers(0, 30))
def test_one_by_one_is_as_all_at_once(count: int, first: int) -> None:
    of = strategy(3, 7, 2)
    before = placed(of, {}, min(first, count))
    assert before + placed(of, Counter(before), count - len(before)) == placed(of, {}, count)


@pytest.mark.parametrize(
    ("items", "said"),
    [
        (strategy(1, 1, 2), None),
        ([], None),
        (strategy(0, 0), "weight greater than 0"),
        ([{"capacityProvider": "mine", "weight": 1}], "mine is not associated"),
        ([{**it, "base": 1} for it in strategy(1, 1)], "Only one capacity provider"),
    ],
)
def test_what_ecs_refuses_is_refused(items: list[dict[str, Any]], said: str | None) -> None:
    found = strategy_problem(items, BOTH)
    assert found is None if said is None else said in (found or "")
