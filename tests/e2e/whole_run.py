"""What a whole run of the end-to-end tests called, held against what the policies allow.

They have two platforms, side by side (tests/conftest.py), and so perhaps two processes: only when
both have ended can one say what is allowed and was called by nobody.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.e2e.calls import Held

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent
_NAME = "end_to_end"
# What a process saw: the calls on each local AWS, and whether all ordinary tests were asked for.
_SEEN = pytest.StashKey[dict[str, Any]]()


def seen(config: pytest.Config) -> dict[str, Any]:
    """Return what this process has seen: ``whole``, and ``figures`` of each local AWS."""
    return config.stash.setdefault(_SEEN, {"whole": False, "figures": []})


def is_whole(ordinary: dict[str, set[str]], items: list[pytest.Item], args: list[str]) -> bool:
    """Whether a run has all end-to-end tests but the walks.

    What is allowed is called by these: a call that only a walk makes is one that a commit breaks
    unseen.

    Args:
        ordinary: the ordinary tests of each file of this folder; walks' files have none.
        items: the tests that are run.
        args: of pytest.
    """
    every = {path.name for path in HERE.glob("test_*.py")}
    narrowed = any("::" in it for it in args)
    asked = {item.nodeid for item in items}
    return ordinary.keys() >= every and set().union(*ordinary.values()) <= asked and not narrowed


class WholeRun:
    """A pytest plugin; under xdist its workers hand what they saw to the process that began them.

    Args:
        config: of the run.
    """

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._parts: list[dict[str, Any]] = []
        self._idle: list[str] = []

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Take what a worker saw; one that crashed saw nothing."""
        self._parts.append(getattr(node, "workeroutput", {}).get(_NAME, {}))

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Hand over what was seen, or hold it against the policies."""
        part = seen(self._config)
        handed = getattr(self._config, "workeroutput", None)
        if handed is not None:
            handed[_NAME] = part
            return
        parts = [it for it in (*self._parts, part) if it and it["figures"]]
        if not parts or session.testsfailed or not all(it["whole"] for it in parts):
            return
        held = Held.together([figures for it in parts for figures in it["figures"]])
        held.write(ROOT / "build" / "permissions.json")
        self._idle = sorted(held.idle)
        if self._idle:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Say what is allowed and was not called."""
        if self._idle:
            terminalreporter.section("FAILED: allowed, and called by no end-to-end test", red=True)
            for action in self._idle:
                terminalreporter.write_line(action)
            terminalreporter.write_line(
                "Take it out of docs/permissions or the function's role, call it in a test, or "
                "name the reason in tests/permissions/callers.py."
            )
