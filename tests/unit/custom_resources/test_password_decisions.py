"""What Custom::Password decides."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from custom_resources.password.decisions import (
    LONGEST,
    PUNCTUATION,
    SHORTEST,
    PasswordProperties,
    Version,
    generate,
    wanted_version,
)
from custom_resources.shared.failure import Failure

GIVEN = {"ParameterName": "/p/rds/admin-password", "KeyId": "alias/p-rds"}
VERSIONS = st.builds(
    Version,
    number=st.integers(1, 100),
    key_id=st.sampled_from(["alias/p-rds", "other"]),
    rotation=st.sampled_from([None, 1, 2]),
)


@given(
    length=st.integers(SHORTEST, LONGEST),
    excluded=st.text(st.sampled_from(string.ascii_letters + PUNCTUATION), max_size=30),
)
def test_a_password_is_one_that_aurora_takes(length: int, excluded: str) -> None:
    properties = PasswordProperties.of(
        GIVEN | {"Length": str(length), "ExcludeCharacters": excluded}
    )
    password = generate(properties)

    assert len(password) == length
    assert not set(password) & set('/"@ ' + excluded)
    assert password.isascii()
    assert password.isprintable()


@given(excluded=st.text(st.sampled_from(string.ascii_letters + PUNCTUATION), max_size=30))
def test_a_password_has_a_character_of_every_class_that_is_left(excluded: str) -> None:
    properties = PasswordProperties.of(GIVEN | {"Length": "8", "ExcludeCharacters": excluded})
    password = generate(properties)

    for characters in (
        string.ascii_lowercase,
        string.ascii_uppercase,
        string.digits,
        PUNCTUATION,
    ):
        assert set(password) & set(characters) or not set(characters) - set(excluded)


def test_no_two_passwords_are_alike() -> None:
    properties = PasswordProperties.of(GIVEN)

    assert len({generate(properties) for _ in range(100)}) == 100


@pytest.mark.parametrize(
    ("property_name", "value"),
    [
        ("ParameterName", ""),
        ("ParameterName", "/aws/x"),
        ("ParameterName", "/a b"),
        ("ParameterName", "a/b"),
        ("KeyId", ""),
        ("Length", "7"),
        ("Length", "42"),
        ("Length", "x"),
        ("Rotation", "-1"),
        ("Rotation", ["1"]),
    ],
)
def test_a_wrong_property_is_named(property_name: str, value: object) -> None:
    with pytest.raises(Failure, match=f"Property {property_name} is "):
        PasswordProperties.of(GIVEN | {property_name: value})


def test_a_property_that_does_not_exist_is_named() -> None:
    with pytest.raises(Failure, match=r"There is no property Lenght\. The properties are "):
        PasswordProperties.of(GIVEN | {"Lenght": "20"})


def test_exclusions_that_leave_too_little_are_refused() -> None:
    with pytest.raises(Failure, match="ExcludeCharacters leaves 34 characters of 2 classes"):
        PasswordProperties.of(
            GIVEN | {"ExcludeCharacters": string.ascii_lowercase + string.ascii_uppercase}
        )


@given(history=st.lists(VERSIONS, max_size=8, unique_by=lambda version: version.number))
def test_the_wanted_version_was_made_for_the_rotation(history: list[Version]) -> None:
    properties = PasswordProperties.of(GIVEN | {"Rotation": "2"})
    version = wanted_version(history, properties)

    made = [candidate for candidate in history if candidate.rotation == 2]
    assert (version is None) == (not made)
    if version:
        assert version in made
        under_key = [candidate for candidate in made if candidate.key_id == "alias/p-rds"]
        assert version in (under_key or made)


@given(
    history=st.lists(VERSIONS, min_size=1, max_size=8, unique_by=lambda version: version.number),
    later=st.integers(101, 200),
)
def test_a_version_put_later_never_takes_the_place_of_one_that_fits(
    history: list[Version], later: int
) -> None:
    properties = PasswordProperties.of(GIVEN)
    version = wanted_version(history, properties)

    if version and version.key_id == "alias/p-rds":
        again = [*history, Version(later, "alias/p-rds", 1)]
        assert wanted_version(again, properties) == version
