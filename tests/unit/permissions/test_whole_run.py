"""What two platforms of the end-to-end tests called counts together, and only of a whole run."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from local_aws.control import Call
from tests.e2e import whole_run
from tests.e2e.calls import Held

USER = "arn:aws:iam::000000000000:user/shop-service-deployer"


def part(*actions: str) -> dict[str, Any]:
    calls = [Call(USER, action, "*", "") for action in actions]
    return Held(calls).part


def run_of(whole: bool, *parts: dict[str, Any], failed: int = 0) -> Any:
    """A run whose workers handed over a part each; returns its session when it is over."""
    config: Any = SimpleNamespace(stash=pytest.Stash())
    plugin = whole_run.WholeRun(config)
    for each in parts:
        handed = {"end_to_end": {"whole": whole, "figures": [each]}}
        plugin.pytest_testnodedown(SimpleNamespace(workeroutput=handed))
    plugin.pytest_testnodedown(SimpleNamespace())  # one that crashed
    session: Any = SimpleNamespace(testsfailed=failed, exitstatus=0)
    plugin.pytest_sessionfinish(session)
    return session


@pytest.fixture(autouse=True)
def elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(whole_run, "ROOT", tmp_path)


def test_what_either_called_counts() -> None:
    first, second = part("ecs:ListTasks"), part("ecs:DescribeTasks", "ecs:ListTasks")
    together = Held.together([first, second])
    assert together.made["service"] == {"ecs:DescribeTasks", "ecs:ListTasks"}
    assert together.count == 3


def test_a_whole_run_that_leaves_a_right_uncalled_fails() -> None:
    assert run_of(True, part("ecs:ListTasks"), part()).exitstatus == pytest.ExitCode.TESTS_FAILED


@pytest.mark.parametrize(("whole", "failed"), [(False, 0), (True, 1)])
def test_a_run_that_left_tests_out_or_failed_says_nothing_of_rights(
    whole: bool, failed: int
) -> None:
    assert run_of(whole, part("ecs:ListTasks"), failed=failed).exitstatus == 0


def test_a_run_without_end_to_end_tests_says_nothing_of_rights() -> None:
    assert run_of(True).exitstatus == 0


def test_a_run_is_whole_only_with_every_file_of_the_folder() -> None:
    every = {path.name: {f"{path.name}::a"} for path in whole_run.HERE.glob("test_*.py")}
    items: Any = [SimpleNamespace(nodeid=f"{name}::a") for name in every]
    assert whole_run.is_whole(every, items, ["tests"])
    assert not whole_run.is_whole(every, items[1:], ["tests"])
    assert not whole_run.is_whole(every, items, ["tests/e2e/test_service.py::a"])
    assert not whole_run.is_whole(dict(list(every.items())[1:]), items, ["tests"])
