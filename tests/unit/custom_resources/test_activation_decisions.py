"""What to do about a rotated user."""

from __future__ import annotations

import datetime
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from custom_resources.contract.names import ServiceUser
from custom_resources.contract.outcomes import Move
from custom_resources.contract.stacks import SHELL, STABLE, ServiceStack
from custom_resources.rotation.activate.decisions import (
    Circumstances,
    FlipRolledBack,
    decide,
    may_be_early,
    superseded,
)
from custom_resources.rotation.activate.flips import Earlier, Flip
from custom_resources.rotation.activate.secret import SecretFacts, last_rotated
from custom_resources.shared.failure import Failure

NOW = datetime.datetime(2026, 11, 15, 3, 0, tzinfo=datetime.UTC)
BLUE, GREEN = (ServiceUser("shop", "orders", colour) for colour in ("blue", "green"))
STACK = ServiceStack(
    "arn:aws:cloudformation:eu-central-1:1:stack/shop-service-orders/1",
    "UPDATE_COMPLETE",
    {"ActiveUser": "blue", "Image": "x"},
    role_arn="arn:aws:iam::1:role/deployment",
)


def days(number: float) -> datetime.datetime:
    return NOW - datetime.timedelta(days=number)


BY_MESSAGE = Circumstances(now=NOW, rotated=days(0.01))
BY_SWEEP = replace(BY_MESSAGE, sweeping=True)
COMPLETE = Earlier(Flip.COMPLETE, attempts=1, begun=days(0.01))
ROLLED_BACK = replace(COMPLETE, flip=Flip.ROLLED_BACK)
PASSED = replace(ROLLED_BACK, passes=True)


# --- A rotated user ---


def test_a_stable_stack_of_the_other_user_is_flipped() -> None:
    assert decide(STACK, GREEN, Earlier(), BY_MESSAGE).move is Move.BEGIN


@pytest.mark.parametrize("status", sorted(STABLE))
def test_only_a_stable_stack_with_the_rotated_user_is_done(status: str) -> None:
    stack = replace(STACK, status=status, parameters={"ActiveUser": "green"})

    assert decide(stack, GREEN, COMPLETE, BY_MESSAGE).move is Move.ACTIVE


@pytest.mark.parametrize("colour", ["blue", "green"])
@pytest.mark.parametrize(
    "status", ["UPDATE_IN_PROGRESS", "UPDATE_ROLLBACK_IN_PROGRESS", "CREATE_IN_PROGRESS"]
)
def test_a_busy_stack_is_waited_for_whatever_it_says(colour: str, status: str) -> None:
    stack = replace(STACK, status=status, parameters={"ActiveUser": colour})

    assert decide(stack, GREEN, Earlier(), BY_MESSAGE).move is Move.WAIT


@pytest.mark.parametrize(
    "status",
    [
        *("UPDATE_ROLLBACK_FAILED", "UPDATE_FAILED", "ROLLBACK_COMPLETE"),
        SHELL,  # nobody may ever execute its change set: no end to wait for
    ],
)
def test_a_broken_stack_is_reported(status: str) -> None:
    with pytest.raises(Failure, match=f"is in {status}"):
        decide(replace(STACK, status=status), GREEN, Earlier(), BY_MESSAGE)


def test_a_flip_that_rolled_back_is_not_repeated() -> None:
    with pytest.raises(FlipRolledBack, match="was rolled back, and isn't repeated"):
        decide(STACK, GREEN, ROLLED_BACK, BY_MESSAGE)


def test_a_flip_that_was_done_and_undone_by_hand_is_not_repeated() -> None:
    assert decide(STACK, GREEN, COMPLETE, BY_MESSAGE).move is Move.DROP


@pytest.mark.parametrize(
    ("stack", "said"),
    [
        (replace(STACK, role_arn=""), "has no service role"),
        (replace(STACK, is_nested=True), "is nested in another one"),
        (replace(STACK, parameters={}), "has no parameter ActiveUser"),
    ],
)
def test_a_stack_that_is_not_ours_to_update_is_refused(stack: ServiceStack, said: str) -> None:
    with pytest.raises(Failure, match=said):
        decide(stack, GREEN, Earlier(), BY_MESSAGE)


@pytest.mark.parametrize("given", [BY_MESSAGE, BY_SWEEP])
def test_a_paused_platform_leaves_the_flip_to_the_sweep_of_a_later_day(
    given: Circumstances,
) -> None:
    """A message that waited for the end of the pause would be dead after a day and a half."""
    decision = decide(STACK, GREEN, Earlier(), replace(given, paused=True))

    assert decision.move is Move.LATER
    assert "Paused false" in decision.reason
    for earlier in (Earlier(), PASSED):
        assert decide(STACK, GREEN, earlier, BY_SWEEP).move is Move.BEGIN


def test_a_flip_that_failed_before_the_service_was_touched_is_left_to_the_sweep() -> None:
    assert decide(STACK, GREEN, PASSED, BY_MESSAGE).move is Move.LATER


@pytest.mark.parametrize("attempts", [1, 2, 3])
def test_the_sweep_repeats_it_once_a_day(attempts: int) -> None:
    earlier = replace(PASSED, attempts=attempts, begun=days(1))

    assert decide(STACK, GREEN, earlier, BY_SWEEP).move is Move.BEGIN
    again = replace(earlier, attempts=attempts + 1, begun=days(0.001))
    if attempts < 3:
        assert decide(STACK, GREEN, again, BY_SWEEP).move is Move.LATER


def test_after_three_days_it_is_told_as_a_flip_that_rolled_back() -> None:
    with pytest.raises(FlipRolledBack, match="was rolled back 4 times, and isn't repeated"):
        decide(STACK, GREEN, replace(PASSED, attempts=4, begun=days(1)), BY_SWEEP)


def test_a_rotation_older_than_the_stacks_events_moves_nobody() -> None:
    """Whether it was activated and the service moved by hand since isn't known any more."""
    old = replace(BY_SWEEP, rotated=days(81))

    assert decide(STACK, GREEN, Earlier(), old).move is Move.DROP
    assert decide(STACK, GREEN, Earlier(), replace(old, rotated=days(79))).move is Move.BEGIN


def test_a_version_that_is_not_current_any_more_needs_no_flip() -> None:
    labels = {"v1": ["AWSPREVIOUS"], "v2": ["AWSCURRENT", "ROTATED"]}

    assert not superseded(labels, "v2")
    assert "v1 isn't AWSCURRENT" in superseded(labels, "v1")
    assert superseded({}, "v2")


def test_a_version_may_be_seen_before_it_is_current() -> None:
    before = {"v1": ["AWSCURRENT"], "v2": ["AWSPENDING"]}
    replaced = {"v2": ["AWSPREVIOUS", "ROTATED"], "v3": ["AWSCURRENT"]}

    assert may_be_early(before, "v2")
    assert may_be_early({"v2": ["ROTATED"]}, "v2")
    assert not may_be_early(replaced, "v2")
    assert not may_be_early({}, "v2")


# --- The sweep ---

FUNCTION = "arn:aws:lambda:eu-central-1:123456789012:function:"
SECRET = SecretFacts(
    user=GREEN,
    labels={"v1": ["AWSPREVIOUS"], "v2": ["AWSCURRENT", "ROTATED"]},
    created={"v1": days(31), "v2": days(1)},
    function=f"{FUNCTION}shop-rotate",
    last_rotated=days(1),
    made=days(70),
    rotatable=days(60),
)


def test_a_healthy_secret_needs_nothing() -> None:
    assert not SECRET.lacks_label
    assert not SECRET.abandoned(NOW)
    assert not SECRET.is_overdue(NOW)


def test_a_password_is_as_old_as_its_last_rotation_or_as_its_secret() -> None:
    attached = replace(SECRET, created={"v1": days(31), "v2": days(0)})  # to a restored cluster
    day = datetime.timedelta(days=1)

    assert SECRET.age(NOW) == attached.age(NOW) == day
    assert replace(SECRET, last_rotated=None).age(NOW) == 70 * day
    assert replace(SECRET, function="", last_rotated=None).age(NOW) == 70 * day
    assert replace(SECRET, last_rotated=None, made=None).age(NOW) is None


def test_the_user_that_was_rotated_last_is_to_be_active() -> None:
    blue = replace(SECRET, user=BLUE, created={"v1": days(60), "v2": days(15)})

    assert last_rotated([blue, SECRET]) is SECRET
    assert last_rotated([SECRET, blue]) is SECRET
    assert last_rotated([replace(SECRET, labels={"v1": ["AWSCURRENT"]})]) is None


def test_a_rotation_whose_versions_date_is_not_told_counts_from_its_end() -> None:
    """CreatedDate is optional in Secrets Manager's model."""
    blue = replace(SECRET, user=BLUE, created={}, last_rotated=days(0.5))

    assert last_rotated([blue, SECRET]) is blue
    assert not replace(blue, last_rotated=None, rotatable=None).is_overdue(NOW)


def test_a_value_put_by_hand_does_not_make_the_other_user_the_last_rotated() -> None:
    blue = replace(SECRET, user=BLUE, created={"v1": days(60), "v2": days(15)})
    by_hand = replace(SECRET, labels={"v2": ["AWSPREVIOUS", "ROTATED"], "v3": ["AWSCURRENT"]})

    assert last_rotated([blue, by_hand]) is by_hand


def test_a_rotation_that_ended_between_its_two_labels_is_seen() -> None:
    labels = {"v1": ["AWSPREVIOUS", "ROTATED"], "v2": ["AWSCURRENT", "AWSPENDING"]}

    assert replace(SECRET, labels=labels).lacks_label
    assert not replace(SECRET, labels={"v1": ["AWSCURRENT"]}).lacks_label
    finished = {"v2": ["AWSCURRENT", "AWSPENDING", "ROTATED"]}
    assert not replace(SECRET, labels=finished).lacks_label


@given(st.floats(min_value=0, max_value=10))
def test_a_rotation_is_abandoned_after_a_day(age: float) -> None:
    labels = {"v2": ["AWSCURRENT"], "v3": ["AWSPENDING"]}
    secret = replace(SECRET, labels=labels, created={"v2": days(31), "v3": days(age)})

    assert secret.abandoned(NOW) == ("v3" if age > 1 else "")


@pytest.mark.parametrize(("age", "overdue"), [(0, False), (33, False), (34, True)])
def test_a_monthly_secret_is_overdue_after_33_days(age: int, overdue: bool) -> None:
    assert replace(SECRET, last_rotated=days(age)).is_overdue(NOW) == overdue


def test_a_secret_without_a_schedule_is_never_overdue() -> None:
    assert not replace(SECRET, last_rotated=days(400), function="").is_overdue(NOW)


@pytest.mark.parametrize(("age", "overdue"), [(0, False), (33, False), (34, True)])
def test_a_secret_that_was_never_rotated_is_overdue_after_33_days_with_a_schedule(
    age: int, overdue: bool
) -> None:
    secret = replace(SECRET, last_rotated=None, rotatable=days(age))
    assert secret.is_overdue(NOW) == overdue


# --- AWSCURRENT has moved: was it a rotation by AWS's own function? ---

HOSTED = replace(
    SECRET,
    function=f"{FUNCTION}shop-rotate-hosted",
    labels={"v1": ["AWSPREVIOUS", "ROTATED"], "v2": ["AWSCURRENT"]},
)


def test_a_rotation_by_another_function_is_known_by_when_it_ended() -> None:
    assert HOSTED.why_not_rotated("v2") == ""


def test_the_sweep_labels_a_rotation_by_another_function_whose_event_was_lost() -> None:
    assert HOSTED.lacks_label
    assert not replace(HOSTED, labels=SECRET.labels).lacks_label
    assert not replace(HOSTED, last_rotated=None).lacks_label  # made or attached
    assert not replace(HOSTED, function="").lacks_label


def test_a_rotation_by_another_function_is_known_before_its_end_was_noted() -> None:
    labels = {"v1": ["AWSPREVIOUS"], "v2": ["AWSCURRENT", "AWSPENDING"]}
    for noted in (None, days(31)):
        assert replace(HOSTED, labels=labels, last_rotated=noted).why_not_rotated("v2") == ""


def test_an_event_that_comes_twice_finds_the_label_in_its_place() -> None:
    assert "already" in replace(HOSTED, labels=SECRET.labels).why_not_rotated("v2")


def test_our_own_function_tells_of_its_rotations_itself() -> None:
    assert "by ROTATED" in SECRET.why_not_rotated("v2")


def test_a_secret_that_is_not_rotated_has_no_rotation() -> None:
    assert "isn't rotated" in replace(HOSTED, function="").why_not_rotated("v2")


def test_the_making_and_the_attachment_of_a_secret_are_no_rotation() -> None:
    made = replace(HOSTED, last_rotated=None, labels={"v2": ["AWSCURRENT"]})
    assert made.why_not_rotated("v2") == "no rotation made it"


@given(st.floats(min_value=0.01, max_value=0.99))
def test_a_value_put_by_hand_after_a_rotation_is_none(age: float) -> None:
    labels = {"v2": ["AWSPREVIOUS"], "v3": ["AWSCURRENT"]}
    put = replace(HOSTED, labels=labels, created={"v2": days(1.5), "v3": days(age)})
    assert put.why_not_rotated("v3") == "no rotation made it"


def test_a_label_that_was_moved_back_by_hand_is_none() -> None:
    back = replace(
        HOSTED,
        labels={"v1": ["AWSCURRENT"], "v2": ["AWSPREVIOUS"]},
        created={"v1": days(31), "v2": days(1.1)},
    )
    assert back.why_not_rotated("v1") == "no rotation made it"


def test_a_version_that_is_current_no_more_is_none() -> None:
    labels = {"v2": ["AWSPREVIOUS"], "v3": ["AWSCURRENT"]}
    since = replace(HOSTED, labels=labels, created={"v2": days(1.1), "v3": days(0.5)})
    assert "isn't AWSCURRENT any more" in since.why_not_rotated("v2")
