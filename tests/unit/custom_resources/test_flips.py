"""What became of the updates that were to move a service to a rotated user."""

from __future__ import annotations

import datetime
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from custom_resources.contract.stacks import token
from custom_resources.rotation.activate.flips import Earlier, Flip, StackEvent

NOW = datetime.datetime(2026, 11, 15, 3, 0, tzinfo=datetime.UTC)
TOKEN = token("v2")
BEGUN = StackEvent("UPDATE_IN_PROGRESS", TOKEN, time=NOW)
DATABASE = StackEvent("UPDATE_FAILED", TOKEN, "Custom::Database", "no connection to PostgreSQL")
BACK = [
    StackEvent("UPDATE_ROLLBACK_IN_PROGRESS", TOKEN),
    StackEvent("UPDATE_COMPLETE", TOKEN, "Custom::Database"),
    StackEvent("UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS", TOKEN),
    StackEvent("UPDATE_ROLLBACK_COMPLETE", TOKEN),
]
DEPLOYED = [StackEvent("UPDATE_IN_PROGRESS", "x"), StackEvent("UPDATE_COMPLETE", "x")]


@pytest.mark.parametrize(
    ("after", "became"),
    [
        ([], Flip.UNDER_WAY),
        (["UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"], Flip.UNDER_WAY),
        (["UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "UPDATE_COMPLETE"], Flip.COMPLETE),
        (["UPDATE_ROLLBACK_IN_PROGRESS", "UPDATE_ROLLBACK_COMPLETE"], Flip.ROLLED_BACK),
        (["UPDATE_ROLLBACK_IN_PROGRESS", "UPDATE_ROLLBACK_FAILED"], Flip.ROLLED_BACK),
        (["UPDATE_FAILED"], Flip.ROLLED_BACK),
    ],
)
@pytest.mark.parametrize("by", [TOKEN, "cancelled-by-hand", ""])
def test_what_became_of_it_is_in_the_stacks_events(after: list[str], became: Flip, by: str) -> None:
    before = [StackEvent("UPDATE_IN_PROGRESS", "x"), StackEvent("UPDATE_ROLLBACK_COMPLETE", "x")]
    events = [*before, BEGUN, *(StackEvent(status, by) for status in after)]

    earlier = Earlier.of(events, "v2")
    assert (earlier.flip, earlier.attempts, earlier.begun) == (became, 1, NOW)


def test_later_updates_and_what_becomes_of_resources_do_not_count() -> None:
    of_resource = StackEvent("UPDATE_FAILED", TOKEN, "AWS::ECS::Service")
    later = [StackEvent("UPDATE_IN_PROGRESS", "y"), StackEvent("UPDATE_ROLLBACK_COMPLETE", "y")]
    events = [BEGUN, of_resource, StackEvent("UPDATE_COMPLETE", TOKEN), *later]

    assert Earlier.of(events, "v2").flip is Flip.COMPLETE


@given(st.lists(st.builds(StackEvent, st.text(), st.sampled_from(["", "flip-v1", "by-hand"]))))
def test_without_its_token_it_was_not_begun(events: list[StackEvent]) -> None:
    assert Earlier.of(events, "v2") == Earlier()


def test_a_database_that_was_away_passes() -> None:
    earlier = Earlier.of([BEGUN, DATABASE, *BACK], "v2")

    assert earlier.passes
    assert earlier.flip is Flip.ROLLED_BACK


SERVICE = StackEvent("UPDATE_IN_PROGRESS", TOKEN, "AWS::ECS::Service")
CANCELLED = StackEvent("UPDATE_FAILED", TOKEN, "Custom::Database", "Resource update cancelled")
BY_HAND = StackEvent("UPDATE_ROLLBACK_IN_PROGRESS", "Console-CancelUpdateStack-1")


@pytest.mark.parametrize(
    "events",
    [
        pytest.param([BEGUN, SERVICE, DATABASE, *BACK], id="the service was touched"),
        pytest.param([BEGUN, DATABASE, *BACK[:2], SERVICE, *BACK[2:]], id="in the rollback"),
        pytest.param([BEGUN, CANCELLED, *BACK], id="cancelled"),
        pytest.param([BEGUN, *BACK], id="cancelled before anything failed"),
        pytest.param([BEGUN, DATABASE, BY_HAND, *BACK[1:]], id="cancelled by another token"),
        pytest.param([BEGUN, BACK[0], DATABASE, *BACK[1:]], id="failed after it was cancelled"),
        pytest.param([BEGUN, DATABASE, *BACK, *DEPLOYED], id="deployed since"),
        pytest.param([BEGUN, DATABASE, *BACK[:2]], id="not rolled back yet"),
        pytest.param([BEGUN, StackEvent("UPDATE_COMPLETE", TOKEN)], id="complete"),
    ],
)
def test_nothing_else_passes(events: list[StackEvent]) -> None:
    assert not Earlier.of(events, "v2").passes


def test_the_last_attempt_counts() -> None:
    later = NOW + datetime.timedelta(days=1)
    again = StackEvent("UPDATE_IN_PROGRESS", token("v2", 2), time=later)
    first = [BEGUN, DATABASE, *BACK]

    assert Earlier.of([*first, again], "v2") == Earlier(Flip.UNDER_WAY, 2, later)
    done = StackEvent("UPDATE_COMPLETE", token("v2", 2))
    assert Earlier.of([*first, again, done], "v2").flip is Flip.COMPLETE


# --- Tokens ---

# Secrets Manager's model takes any 32 to 64 characters for a version's id.
VERSIONS = st.text(min_size=32, max_size=64) | st.uuids().map(str)


@given(VERSIONS, st.integers(1, 4))
def test_every_versions_token_is_one_that_cloudformation_takes(version: str, attempt: int) -> None:
    assert re.fullmatch(r"[a-zA-Z0-9][-a-zA-Z0-9]{0,127}", token(version, attempt))


@given(st.lists(st.tuples(VERSIONS, st.integers(1, 4)), unique=True, min_size=2, max_size=9))
def test_no_two_attempts_have_the_same_token(attempts: list[tuple[str, int]]) -> None:
    assert len({token(*it) for it in attempts}) == len(attempts)


def test_a_versions_second_attempt_is_not_the_first_one_of_another_version() -> None:
    version = "a" * 40
    assert token(version, 2) != token(f"{version}-2")
    assert token("a_" * 20) != token("a-" * 20)


@given(st.uuids().map(str))
def test_a_usual_version_can_be_read_in_its_token(version: str) -> None:
    assert token(version) == f"flip-{version}"
