"""Strict mode's parts, by clocks of their own."""

from __future__ import annotations

from typing import Any

import pytest

from local_aws.mends.strict import lateness
from local_aws.mends.strict.lateness import LONGEST, Past, delay
from local_aws.mends.strict.throttling import Bucket


class Clock:
    """Seconds that only a test moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    moved = Clock()
    monkeypatch.setattr(lateness, "time", moved)
    return moved


def settle(past: Any) -> None:
    """Take two pictures: what is the same in both counts."""
    past.take_picture()
    past.take_picture()


def test_a_bucket_gives_its_burst_and_then_what_flows_in() -> None:
    clock = Clock()
    bucket = Bucket(burst=3, refill=2, clock=clock.monotonic)
    assert [bucket.take() for _ in range(4)] == [True, True, True, False]
    clock.now += 1
    assert [bucket.take() for _ in range(3)] == [True, True, False]
    clock.now += 100
    assert [bucket.take() for _ in range(4)] == [True, True, True, False]


def test_who_reads_as_of_a_moment_sees_what_was_then(clock: Clock) -> None:
    past = Past({"secret": {"stage": "first"}}, lists_new=False)
    settle(past)
    for stage in ("second", "third"):
        clock.now += 60  # a picture holds until the next one, however long ago it was taken
        past["secret"]["stage"] = stage
        settle(past)
    assert past["secret"]["stage"] == "third"
    with lateness.as_of(clock.now - 1):
        assert past["secret"]["stage"] == "second"


def test_what_is_new_is_found_by_name_but_not_listed_and_what_is_deleted_is_still_there(
    clock: Clock,
) -> None:
    past = Past({"old": 1}, lists_new=False)
    settle(past)
    clock.now += 1
    past["new"] = 2
    del past["old"]
    settle(past)
    with lateness.as_of(clock.now - 0.5):
        assert (past["new"], past.get("old"), list(past)) == (2, 1, ["old"])
    assert list(past) == ["new"]


def test_a_new_secret_is_found_at_once_by_its_arn_too(clock: Clock) -> None:
    past: Any = Past({"gone": {"ARN": "arn:1"}, "again": {"ARN": "arn:2"}}, lists_new=True)
    settle(past)
    clock.now += 1
    del past["gone"]
    past["again"] = {"ARN": "arn:3"}  # deleted, and made again under the same name
    past["new"] = {"ARN": "arn:4"}
    settle(past)
    with lateness.as_of(clock.now - 0.5):
        assert [it["ARN"] for it in past.values()] == ["arn:1", "arn:3", "arn:4"]


def test_what_is_half_written_is_never_seen(clock: Clock) -> None:
    past: Any = Past({"secret": {"label": "old version"}}, lists_new=False)
    settle(past)
    clock.now += 1
    del past["secret"]["label"]
    past.take_picture()  # between two steps of one write
    past["secret"]["label"] = "new version"
    settle(past)
    for moment in (clock.now - 0.5, clock.now):
        with lateness.as_of(moment):
            assert past["secret"]["label"].endswith("version")


def test_pictures_that_nobody_may_see_any_more_are_forgotten(clock: Clock) -> None:
    past: Any = Past({}, lists_new=False)
    for number in range(1000):
        past["number"] = number
        settle(past)
        clock.now += 0.1
    assert len(past._pictures) < (LONGEST + 2) / 0.1


def test_delays_differ_by_action_and_resource_and_stay_the_same() -> None:
    delays = {delay(a, r) for a in ("ListTasks", "DescribeTasks") for r in ("blue", "green")}
    assert len(delays) == 4
    assert all(0.3 <= seconds <= 0.7 for seconds in delays)
    assert delay("ListTasks", "blue") == delay("ListTasks", "blue")
