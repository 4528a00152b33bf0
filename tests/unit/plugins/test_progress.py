"""What a task prints while it runs: how much, when, and nothing secret."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.quayside.fargate.plugins.plugin_utils import progress
from ansible_collections.quayside.fargate.plugins.plugin_utils.activity import Narrator, packed
from ansible_collections.quayside.fargate.plugins.plugin_utils.clock import Clock
from ansible_collections.quayside.fargate.plugins.plugin_utils.progress import Progress, Voice

NAME = "shop-service-orders"
STACK_ID = f"arn:aws:cloudformation:eu-central-1:123456789012:stack/{NAME}/1"
NOW = datetime(2026, 11, 28, tzinfo=UTC)


class Screen:
    """What a task has printed, its lines and what stood in place of each other."""

    def __init__(self, *, terminal: bool = False, **options: Any) -> None:
        self.lines: list[str] = []
        self.rewritten: list[str] = []
        overwrite = self.rewritten.append if terminal else None
        write = lambda text, _: self.lines.append(text)  # noqa: E731
        self.progress = Progress(write, overwrite=overwrite, **options)
        self.narrator = Narrator(self.progress, Clock(60), NAME)

    def sees(self, name: str, status: str, at: float, **more: str) -> None:
        """Let an event come.

        Args:
            name: of the resource.
            status: of it.
            at: seconds after the beginning.
            more: other members of the event.
        """
        self.narrator.event(
            {
                "StackId": STACK_ID,
                "LogicalResourceId": name,
                "ResourceType": "AWS::SQS::Queue",
                "ResourceStatus": status,
                "Timestamp": NOW + timedelta(seconds=at),
                **more,
            }
        )

    def told(self) -> list[str]:
        """The lines without their seconds and the stack."""
        return [line.partition(f"{NAME}: ")[2] for line in self.lines]


def test_resources_that_finish_soon_after_each_other_share_a_line() -> None:
    screen = Screen()
    for name in ("One", "Two"):
        screen.sees(name, "CREATE_IN_PROGRESS", 1)
        screen.sees(name, "CREATE_COMPLETE", 2.25)
    screen.narrator.settle()
    assert screen.told() == [], "there is room for more"
    screen.narrator.end()
    assert screen.told() == ["One 1.2 s, Two 1.2 s"]


def test_a_resource_that_took_long_has_a_line_of_its_own_with_its_type() -> None:
    screen = Screen()
    screen.sees("Quick", "CREATE_IN_PROGRESS", 1)
    screen.sees("Slow", "CREATE_IN_PROGRESS", 1)
    screen.sees("Quick", "CREATE_COMPLETE", 2)
    screen.sees("Slow", "CREATE_COMPLETE", 91)
    assert screen.told() == ["Quick 1.0 s", "Slow (AWS::SQS::Queue) 90.0 s"]


def test_what_was_deleted_or_kept_says_so() -> None:
    screen = Screen()
    screen.sees("Old", "DELETE_IN_PROGRESS", 1)
    screen.sees("Old", "DELETE_COMPLETE", 2)
    screen.sees("Data", "DELETE_SKIPPED", 3)
    screen.narrator.end()
    assert screen.told() == ["deleted Old 1.0 s, kept Data 0.0 s"]


def test_a_failure_is_named_without_its_reason_and_its_rollback_is_silent() -> None:
    """The reason is the task's message, which comes last, and once."""
    screen = Screen()
    screen.sees("Queue", "CREATE_IN_PROGRESS", 1)
    screen.sees("Queue", "CREATE_FAILED", 2, ResourceStatusReason="No more queues")
    screen.sees("Topic", "DELETE_IN_PROGRESS", 3)
    screen.sees("Topic", "DELETE_COMPLETE", 4)
    screen.narrator.end()
    assert screen.told() == ["Queue (AWS::SQS::Queue) failed"]
    assert "Topic" not in screen.narrator.waiting()


def test_verbose_every_event_is_a_line_and_nothing_is_told_twice() -> None:
    screen = Screen(verbose=True)
    screen.sees("Queue", "CREATE_IN_PROGRESS", 1)
    screen.sees("Queue", "CREATE_COMPLETE", 2)
    screen.narrator.end()
    queue = "Queue (AWS::SQS::Queue)"
    assert screen.told() == [f"{queue} CREATE_IN_PROGRESS", f"{queue} CREATE_COMPLETE"]


def test_what_waits_longest_is_named_with_how_many_others_wait() -> None:
    screen = Screen()
    assert screen.narrator.waiting() == ""
    screen.sees("Cluster", "CREATE_IN_PROGRESS", 1)
    screen.sees("Queue", "CREATE_IN_PROGRESS", 2)
    waiting = "waiting for Cluster (AWS::SQS::Queue), 0 s, and for 1 more"
    assert screen.narrator.waiting() == waiting


@given(st.lists(st.text("abc ", min_size=1, max_size=30)), st.integers(1, 100))
def test_no_item_is_lost_or_broken_and_no_line_is_longer_than_it_may_be(
    items: list[str], room: int
) -> None:
    groups = list(packed(items, room))
    assert [item for group in groups for item in group] == items
    assert all(len(", ".join(group)) <= room or len(group) == 1 for group in groups)


def test_in_a_log_what_is_waited_for_is_told_after_half_a_minute_of_silence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 100.0
    monkeypatch.setattr(progress.time, "monotonic", lambda: now)
    screen = Screen()
    for now in (110.0, 129.9, 130.0, 140.0, 161.0):
        screen.progress.waits(f"waiting at {now:g}")
    assert screen.lines == ["waiting at 130", "waiting at 161"]


def test_on_a_terminal_it_is_told_in_place_and_goes_before_the_next_line() -> None:
    screen = Screen(terminal=True, width=10)
    screen.progress.waits("waiting for a while")
    screen.progress.waits("waiting still")
    screen.progress.say("done")
    screen.progress.clear()
    assert screen.rewritten == ["waiting fo", "waiting st", ""]
    assert screen.lines == ["done"]


def test_a_line_about_a_thing_begins_with_the_tasks_seconds_and_its_name() -> None:
    screen = Screen()
    voice = Voice(screen.progress, Clock(60), NAME)
    voice.say("is new")
    voice.detail("shows with -v only")
    assert screen.lines == [f"    0.0 s  {NAME}: is new"]
    assert voice.room == screen.progress.width - len(screen.lines[0].removesuffix("is new"))
