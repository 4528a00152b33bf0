"""Answers of AWS that are a moment old."""

from __future__ import annotations

import pytest

from custom_resources.shared import late


def test_what_is_not_known_yet_is_asked_for_again() -> None:
    answers = iter([None, "", "value"])
    assert late.known_late(lambda: next(answers)) == "value"


def test_what_is_not_there_at_all_is_asked_for_a_moment_only(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(late, "_LATE_SECONDS", 0.5)
    asked: list[None] = []
    assert late.known_late(lambda: asked.append(None)) is None
    assert 2 <= len(asked) <= 4
