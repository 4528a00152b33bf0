"""The demo's steps."""

from __future__ import annotations

import pytest

from examples.demo.steps import StepError, Steps


def test_each_step_is_announced_and_timed(capsys: pytest.CaptureFixture[str]) -> None:
    steps = Steps()
    with steps.step("first", "Do this", "Try again."):
        pass
    with steps.step("second", "Do that", "Try again."):
        pass

    assert list(steps.seconds) == ["first", "second"]
    assert "==> Do this" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (ValueError("the disk is full."), "The step first failed: the disk is full. Make room."),
        (KeyError(), "The step first failed: KeyError. Make room."),
    ],
)
def test_a_failed_step_says_what_happened_and_what_to_do(error: Exception, sentence: str) -> None:
    steps = Steps()
    with (
        pytest.raises(StepError) as raised,
        steps.step("first", "Do this", "Make room."),
    ):
        raise error

    assert str(raised.value) == sentence
    assert list(steps.seconds) == ["first"]


def test_a_stop_is_no_failure_of_the_step() -> None:
    with pytest.raises(SystemExit), Steps().step("first", "Do this", "Try again."):
        raise SystemExit(130)
