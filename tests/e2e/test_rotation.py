"""Rotation of a service's database users: schedule, flip under traffic, and back again."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import psycopg2
import pytest

from tests.e2e.meter import nobody_is_denied
from tests.e2e.platform import Platform
from tests.e2e.rotating import OTHER, Rotating
from tests.e2e.traffic import traffic_on

SCHEDULED = {
    "blue": datetime(2027, 3, 1, 3, tzinfo=UTC),
    "green": datetime(2027, 3, 15, 3, tzinfo=UTC),
}


@pytest.fixture(scope="module")
def rotating(platform: Platform, orders_image: str) -> Iterator[Rotating]:
    """The example service."""
    made = Rotating(platform, "ledger", orders_image)
    made.deploy()
    yield made
    made.deploy(service_state="absent", service_database_deletion="Drop")


def test_a_new_service_has_two_schedules_and_nothing_was_rotated(rotating: Rotating) -> None:
    for user, hour in (("blue", "cron(0 3 1 * ? *)"), ("green", "cron(0 3 15 * ? *)")):
        described = rotating.secrets.describe_secret(SecretId=rotating.secret(user))
        assert described["RotationEnabled"]
        assert described["RotationRules"] == {"ScheduleExpression": hour, "Duration": "2h"}
        assert "LastRotatedDate" not in described


def test_the_next_rotation_to_come_is_the_idle_users(rotating: Rotating) -> None:
    following = {
        user: rotating.secrets.describe_secret(SecretId=rotating.secret(user))["NextRotationDate"]
        for user in OTHER
    }
    assert min(following, key=lambda user: following[user]) == rotating.idle


def test_a_service_moves_to_the_rotated_user_and_back_and_no_request_fails(
    rotating: Rotating,
) -> None:
    first = rotating.active
    with traffic_on(rotating.platform, rotating.name, "/orders") as traffic:
        for turn in (OTHER[first], first):
            before = {user: rotating.password(user) for user in OTHER}
            assert rotating.rotate() == turn
            rotating.wait_for(turn)
            assert rotating.password(turn) != before[turn]
            assert rotating.password(OTHER[turn]) == before[OTHER[turn]]
            labels = rotating.labels(turn)
            assert labels["ROTATED"] == labels["AWSCURRENT"]
            assert "AWSPENDING" not in labels
    assert traffic.failures == []
    assert traffic.sent > 100


def test_the_parameter_and_the_tasks_agree_with_the_stack(rotating: Rotating) -> None:
    user = rotating.rotate()
    rotating.wait_for(user)
    assert rotating.parameter == user
    with rotating.connect(OTHER[user]).cursor() as cursor:
        cursor.execute(
            "select distinct usename from pg_stat_activity where datname = current_database()"
        )
        assert f"ledger_{user}" in {row[0] for row in cursor.fetchall()}


def test_a_deployment_after_a_rotation_changes_nothing(rotating: Rotating) -> None:
    user = rotating.rotate()
    rotating.wait_for(user)
    before = rotating.platform.outputs(rotating.stack_name)
    output = rotating.deploy()
    assert re.search(r"changed=0\b", output), output
    assert rotating.platform.outputs(rotating.stack_name) == before
    assert rotating.active == user


def test_what_one_user_created_the_other_alters_and_drops_after_the_flip(
    rotating: Rotating,
) -> None:
    creator = rotating.active
    with rotating.connect(creator).cursor() as cursor:
        cursor.execute("create table of_before (id int primary key)")
        cursor.execute("insert into of_before values (1)")
    user = rotating.rotate()
    rotating.wait_for(user)
    assert user != creator
    with rotating.connect(user).cursor() as cursor:
        cursor.execute("alter table of_before add column note text default 'kept'")
        cursor.execute("select note from of_before")
        assert cursor.fetchall() == [("kept",)]
        cursor.execute("drop table of_before")


def test_a_schedule_that_fires_rotates_the_idle_user_and_moves_the_service(
    rotating: Rotating,
) -> None:
    user = rotating.idle
    fired = rotating.platform.aws.rotate_as_scheduled(SCHEDULED[user])
    assert rotating.secret(user) in fired
    rotating.wait_for(user)


def test_an_old_password_is_denied_and_both_users_passwords_log_in(rotating: Rotating) -> None:
    user = rotating.idle
    old = rotating.password(user)
    rotating.rotate()
    rotating.wait_for(user)
    login = json.loads(
        rotating.secrets.get_secret_value(SecretId=rotating.secret(user))["SecretString"]
    )
    with pytest.raises(psycopg2.OperationalError, match="password authentication failed"):
        psycopg2.connect(
            host=login["host"],
            port=login["port"],
            user=login["username"],
            password=old,
            dbname="ledger",
        )
    for each in OTHER:
        rotating.connect(each).close()


@contextmanager
def oldest_allowed(rotating: Rotating, days: str) -> Iterator[None]:
    """Let the platform ring for a password that is older, as no whole number of days can here."""
    cloudformation = rotating.platform.aws.client("cloudformation")

    def update(value: str) -> None:
        (stack,) = cloudformation.describe_stacks(StackName="shop-rotation")["Stacks"]
        kept = [
            {"ParameterKey": it["ParameterKey"], "UsePreviousValue": True}
            for it in stack["Parameters"]
            if it["ParameterKey"] != "AlarmPasswordAgeDays"
        ]
        changed = {"ParameterKey": "AlarmPasswordAgeDays", "ParameterValue": value}
        cloudformation.update_stack(
            StackName="shop-rotation",
            UsePreviousTemplate=True,
            Parameters=[*kept, changed],
            Capabilities=["CAPABILITY_NAMED_IAM"],
        )
        cloudformation.get_waiter("stack_update_complete").wait(
            StackName="shop-rotation", WaiterConfig={"Delay": 1}
        )

    update(days)
    try:
        yield
    finally:
        update("90")


def test_a_password_that_is_too_old_rings_at_the_next_sweep(rotating: Rotating) -> None:
    functions = rotating.platform.aws.client("lambda")
    with oldest_allowed(rotating, "0.00001"):  # a second
        functions.invoke(FunctionName="shop-activate", Payload=b'{"sweep": true}')
        assert rotating.rings("shop-password-age")
    functions.invoke(FunctionName="shop-activate", Payload=b'{"sweep": true}')
    assert rotating.falls_silent("shop-password-age")


@pytest.fixture
def fickle(platform: Platform, hello_image: str) -> Iterator[Rotating]:
    """A service that doesn't run with the user that is idle now."""
    made = Rotating(platform, "fickle", hello_image)
    made.deploy()
    made.deploy(service_environment={"FAILS_AS": made.idle})
    yield made
    made.deploy(service_state="absent")


def test_a_flip_whose_tasks_crash_goes_back_rings_and_is_not_repeated(fickle: Rotating) -> None:
    first, rotated = fickle.active, fickle.idle
    with nobody_is_denied(fickle, "/health"):
        fickle.rotate()
        assert fickle.rings("shop-flip-rolled-back"), fickle.logs()
    assert fickle.stack["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert (fickle.active, fickle.parameter, fickle.task_users()) == (first, first, {first})
    labels = fickle.labels(rotated)
    assert labels["ROTATED"] == labels["AWSCURRENT"]
    fickle.connect(rotated).close()

    cloudformation = fickle.platform.aws.client("cloudformation")
    events = cloudformation.describe_stack_events(StackName="shop-service-fickle")["StackEvents"]
    begun = [
        event
        for event in events
        if event.get("ClientRequestToken") == f"flip-{labels['ROTATED']}"
        and event["LogicalResourceId"] == "shop-service-fickle"
        and event["ResourceStatus"] == "UPDATE_IN_PROGRESS"
    ]
    assert len(begun) == 1

    fickle.deploy(service_environment={})
    assert fickle.active == first
    assert fickle.rotate() == rotated
    fickle.wait_for(rotated)
