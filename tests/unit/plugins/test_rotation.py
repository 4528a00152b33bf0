"""What rotate.yml makes of answers that come late, and of versions with any id."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, repeat
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.quayside.fargate.plugins.plugin_utils import (
    idle,
    rotation,
    services,
    stack,
)
from ansible_collections.quayside.fargate.plugins.plugin_utils.errors import StackError
from ansible_collections.quayside.fargate.plugins.plugin_utils.progress import Progress
from custom_resources.rotation.activate.flips import token
from custom_resources.rotation.rotate import decisions
from custom_resources.rotation.users import ServiceUser

BEFORE = {"v1": ["AWSCURRENT", "ROTATED"]}
PENDING = {"v1": ["AWSCURRENT", "ROTATED"], "v2": ["AWSPENDING"]}
ROTATED = {"v1": ["AWSPREVIOUS"], "v2": ["AWSCURRENT", "ROTATED"]}


@given(st.text(min_size=32, max_size=64) | st.uuids().map(str))
def test_the_playbook_knows_a_flip_by_the_functions_own_token(version: str) -> None:
    assert services.flip_token(version) == token(version)


NAMES = st.sampled_from(["shop/orders/db/blue", "shop/orders/db/green", "shop/orders2/db/blue"])
ENDS = st.sampled_from(["", "-aB3xY9", "-aB3xY9:password::", "x", "-1", "/x", " "])
TEXTS = st.builds(
    lambda front, name, end: front + name + end,
    st.sampled_from(
        ["", "arn:aws:secretsmanager:eu-central-1:123456789012:secret:", "my", "/", "x "]
    ),
    NAMES,
    ENDS,
)
DEFINITIONS = st.recursive(
    TEXTS | st.text(max_size=5) | st.integers() | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=6,
)


@given(DEFINITIONS, st.sampled_from(["blue", "green"]))
def test_the_playbook_and_the_guard_agree_what_names_a_secret(definition: Any, user: str) -> None:
    guarded = ServiceUser("shop", "orders", user)
    assert idle.refers(definition, f"shop/orders/db/{user}") == decisions.refers(
        definition, guarded
    )


class Client:
    """Answers as Secrets Manager does, in the order given; a function's log is empty."""

    def __init__(self, answers: Iterator[dict[str, list[str]]]) -> None:
        self._answers = answers

    def rotate_secret(self, **_: Any) -> dict[str, str]:
        return {"VersionId": "v2"}

    def describe_secret(self, **_: Any) -> dict[str, Any]:
        return {"VersionIdsToStages": next(self._answers)}

    def get_paginator(self, _: str) -> Client:
        return self

    def paginate(self, **_: Any) -> list[dict[str, Any]]:
        return [{"events": []}]


class Account:
    def __init__(self, client: Client) -> None:
        self._client = client

    def client(self, _: str) -> Client:
        return self._client


def rotated(*answers: dict[str, list[str]]) -> str:
    """Rotate green; every answer is one of DescribeSecret's, the last one comes for ever."""
    client = Client(chain(answers, repeat(answers[-1])))
    clock = stack.Clock(60)
    service = services.Service("shop", "orders")
    made = rotation.Rotation(Account(client), service, clock, Progress(lambda *_: None))
    return str(made._rotated("green"))


def test_an_answer_that_does_not_know_of_the_rotation_yet_is_no_end_of_it() -> None:
    assert rotated(BEFORE, BEFORE, PENDING, BEFORE, PENDING, ROTATED) == "v2"


def test_a_rotation_that_was_given_up_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rotation, "_LATE_SECONDS", 1.0)
    with pytest.raises(StackError, match="was given up"):
        rotated(PENDING, BEFORE)
