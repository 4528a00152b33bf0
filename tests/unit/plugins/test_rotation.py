"""What rotate.yml makes of answers that come late."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, repeat
from typing import Any

import pytest

from ansible_collections.quayside.fargate.custom_resources.contract import names
from ansible_collections.quayside.fargate.plugins.plugin_utils import rotation, stack
from ansible_collections.quayside.fargate.plugins.plugin_utils.errors import StackError
from ansible_collections.quayside.fargate.plugins.plugin_utils.progress import Progress

BEFORE = {"v1": ["AWSCURRENT", "ROTATED"]}
PENDING = {"v1": ["AWSCURRENT", "ROTATED"], "v2": ["AWSPENDING"]}
ROTATED = {"v1": ["AWSPREVIOUS"], "v2": ["AWSCURRENT", "ROTATED"]}


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
    service = names.Service("shop", "orders")
    made = rotation.Rotation(Account(client), service, clock, Progress(lambda *_: None))
    return str(made._rotated("green"))


def test_an_answer_that_does_not_know_of_the_rotation_yet_is_no_end_of_it() -> None:
    assert rotated(BEFORE, BEFORE, PENDING, BEFORE, PENDING, ROTATED) == "v2"


def test_a_rotation_that_was_given_up_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rotation, "_LATE_SECONDS", 1.0)
    with pytest.raises(StackError, match="was given up"):
        rotated(PENDING, BEFORE)
