"""What Custom::Database decides."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from custom_resources.contract.labels import STAGES
from custom_resources.database.decisions import (
    DatabaseProperties,
    Mark,
    User,
    Verdict,
    verdict,
)
from custom_resources.database.limits import Limits
from custom_resources.database.releases import check_release
from custom_resources.shared.failure import Failure

GIVEN: dict[str, object] = {
    "Host": "cluster.example",
    "Port": "5432",
    "AdminUsername": "quayside",
    "AdminPasswordParameter": "/p/rds/admin-password",
    "Database": "orders",
    "BlueSecretArn": "arn:aws:secretsmanager:eu-central-1:000000000000:secret:blue",
}
MARKS = st.builds(Mark, *[st.sampled_from(["", "a", "b"])] * 3)


def test_what_is_not_given_has_its_default() -> None:
    properties = DatabaseProperties.of(GIVEN)

    assert properties.owner == "orders_owner"
    assert (properties.active_user, properties.extensions) == ("blue", ())
    assert properties.deletion_policy == "Retain"


@pytest.mark.parametrize(
    ("property_name", "value"),
    [
        ("Host", ""),
        ("Host", "a b"),
        ("Port", "0"),
        ("Port", "65536"),
        ("AdminUsername", "x; DROP"),
        ("AdminPasswordParameter", ""),
        ("Database", "postgres"),
        ("Database", "template1"),
        ("Database", "rdsadmin"),
        ("Database", "pg_x"),
        ("Database", "Orders"),
        ("Database", "a" * 58),
        ("Database", 'a"b'),
        ("BlueSecretArn", ""),
        ("ActiveUser", "red"),
        ("DeletionPolicy", "drop"),
        ("Extensions", "pgcrypto"),
        ("StatementTimeoutSeconds", "1.5"),
        ("StatementTimeoutSeconds", "86401"),
        ("ConnectionLimit", "-1"),
        ("ConnectionLimit", "1"),
        ("ConnectionLimit", "4"),
        ("ConnectionLimit", "16001"),
    ],
)
def test_a_wrong_property_is_named(property_name: str, value: str) -> None:
    with pytest.raises(Failure, match=f"Property {property_name} is "):
        DatabaseProperties.of(GIVEN | {property_name: value})


def test_an_extension_of_another_form_is_quoted() -> None:
    with pytest.raises(Failure, match=r'Property Extensions has \'x"; DROP\''):
        DatabaseProperties.of(GIVEN | {"Extensions": ["pgcrypto", 'x"; DROP']})


@pytest.mark.parametrize(
    ("given_before", "limits"),
    [
        ({}, Limits()),
        ({"StatementTimeoutSeconds": "30"}, Limits(30, 0)),
        ({"ConnectionLimit": "20", "StatementTimeoutSeconds": ""}, Limits(0, 20)),
        ({"ConnectionLimit": "many"}, Limits()),
    ],
)
def test_an_earlier_events_limits_are_known(
    given_before: dict[str, object], limits: Limits
) -> None:
    assert Limits.before(given_before) == limits


@given(name=st.from_regex(r"[a-z][a-z0-9_]{0,56}", fullmatch=True))
def test_a_name_that_is_taken_fits_postgresql_with_its_owner(name: str) -> None:
    try:
        properties = DatabaseProperties.of(GIVEN | {"Database": name})
    except Failure:
        assert name.startswith(("pg_", "rds")) or name in {"postgres", "template0", "template1"}
    else:
        assert len(properties.owner.encode()) <= 63


@given(name=st.text(max_size=70))
def test_no_name_gets_through_that_would_need_quoting(name: str) -> None:
    try:
        database = DatabaseProperties.of(GIVEN | {"Database": name}).database
    except Failure:
        return
    assert database.isascii()
    assert database.replace("_", "a").isalnum()
    assert database == database.lower()


@given(mark=MARKS)
def test_a_mark_is_read_as_it_was_written(mark: Mark) -> None:
    assert Mark.read(str(mark)) == mark


@given(comment=st.none() | st.text() | st.text().map("quayside ".__add__))
def test_another_comment_is_no_mark(comment: str | None) -> None:
    assert Mark.read(comment) is None


@given(mine=MARKS, other=MARKS)
def test_a_rival_is_another_stack_on_the_same_host(mine: Mark, other: Mark) -> None:
    expected = other.host == mine.host and other.stack_id not in ("", mine.stack_id)
    assert mine.rival_of(other) == expected


@pytest.mark.parametrize("active", [True, False])
def test_only_a_user_for_whom_no_stage_works_is_reset(active: bool) -> None:
    assert verdict(None, active=active) is Verdict.RESET
    for stage in STAGES:
        assert verdict(stage, active=active) is not Verdict.RESET


def test_the_active_user_needs_awscurrent_and_the_idle_one_any_stage() -> None:
    assert [verdict(stage, active=True) for stage in STAGES] == [
        Verdict.ACCEPT,
        Verdict.WAIT,
        Verdict.WAIT,
    ]
    assert {verdict(stage, active=False) for stage in STAGES} == {Verdict.ACCEPT}


@given(text=st.text())
def test_a_secret_of_another_form_is_never_quoted(text: str) -> None:
    with pytest.raises(Failure) as refused:
        User.read("arn", "CANARY" + text)

    assert "CANARY" not in str(refused.value)


def test_a_user_does_not_show_its_password() -> None:
    assert "CANARY" not in repr(User("orders_blue", "CANARY"))


@pytest.mark.parametrize(
    ("version", "said"),
    [(150009, "15.10"), (160002, "16.6"), (160005, "16.6"), (170000, "17.2"), (170001, "17.2")],
)
def test_a_release_that_forgets_a_users_default_role_is_refused(version: int, said: str) -> None:
    major, minor = divmod(version, 10_000)
    with pytest.raises(Failure, match=rf"runs PostgreSQL {major}\.{minor}, .* to {said} or later"):
        check_release(version)


@pytest.mark.parametrize("version", [90624, 130018, 140015, 140022])
def test_a_major_release_before_the_first_that_is_known_is_refused(version: int) -> None:
    major, minor = divmod(version, 10_000)
    with pytest.raises(Failure, match=rf"runs PostgreSQL {major}\.{minor}\. .* to 15\.10 or later"):
        check_release(version)


@pytest.mark.parametrize("version", [150010, 150018, 160006, 170002, 170010, 180000, 190000])
def test_a_later_release_is_taken(version: int) -> None:
    check_release(version)
