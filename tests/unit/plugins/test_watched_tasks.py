"""What a service's alarms must know of its tasks: may it have none, and how many at most."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.quayside.fargate.plugins.plugin_utils.watched_tasks import options

OFF = {"min": 1, "max": 0, "schedules": []}


def watched(wanted: int | None = None, **values: Any) -> tuple[bool, int]:
    found = options({"desired_count": 2, "scaling": OFF, **values}, wanted)
    return found["may_have_no_task"], found["most_tasks"]


def scaling(least: int, most: int, *schedules: dict[str, int]) -> dict[str, Any]:
    return {"scaling": {"min": least, "max": most, "schedules": list(schedules)}}


@pytest.mark.parametrize("wanted", [None, 1, 2, 7])
def test_a_service_with_a_number_of_tasks_has_one_all_the_time(wanted: int | None) -> None:
    assert watched(wanted) == (False, 0)


@pytest.mark.parametrize("wanted", [None, 0, 2])
def test_one_that_is_to_have_none_may_have_none(wanted: int | None) -> None:
    assert watched(wanted, desired_count=0) == (True, 0)


def test_one_that_ecs_is_told_to_keep_at_none_may_have_none_whatever_its_variables_say() -> None:
    assert watched(0) == (True, 0)
    assert watched(0, **scaling(2, 20)) == (True, 20)


def test_scaling_decides_while_it_is_on_and_not_the_number() -> None:
    assert watched(2, **scaling(0, 20)) == (True, 20)
    assert watched(2, desired_count=0, **scaling(1, 20)) == (False, 20)


@pytest.mark.parametrize("schedule", [{"min": 0}, {"max": 0, "min": 0}, {"max": 0}])
def test_a_schedule_to_none_may_leave_none(schedule: dict[str, int]) -> None:
    assert watched(2, **scaling(2, 20, {"min": 4}, schedule)) == (True, 20)


def test_the_greatest_maximum_is_that_of_any_schedule() -> None:
    assert watched(2, **scaling(2, 10, {"max": 40}, {"max": 10})) == (False, 40)


def test_a_number_that_scaling_cannot_change_is_no_maximum() -> None:
    assert watched(4, **scaling(4, 4)) == (False, 0)
    assert watched(4, **scaling(4, 4, {"min": 4, "max": 4})) == (False, 0)
    assert watched(4, **scaling(4, 4, {"min": 2})) == (False, 4)


LIMITS = st.fixed_dictionaries({}, optional={"min": st.integers(0, 9), "max": st.integers(0, 9)})


@given(st.integers(0, 9), st.integers(1, 9), st.lists(LIMITS, max_size=4), st.integers(0, 9))
def test_a_service_without_a_zero_anywhere_always_has_a_task(
    least: int, most: int, schedules: list[dict[str, int]], wanted: int
) -> None:
    numbers = [least, most, wanted, *(it for limits in schedules for it in limits.values())]
    may_have_none, greatest = watched(wanted, **scaling(least, most, *schedules))
    assert may_have_none is (0 in numbers)
    assert greatest in {0, most, *(it["max"] for it in schedules if "max" in it)}
