"""Settings for all tests of this repository."""

from __future__ import annotations

import os
import time
from collections import defaultdict
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from xdist.scheduler import LoadScopeScheduling

from tests.e2e.whole_run import WholeRun

# The tests of an area share servers, and run one after the other; areas run beside each other
# (tests/run.sh), in this order: those that take longest first. The first prefix that fits counts,
# and every other folder is an area of its own.
AREAS = {
    "tests/e2e/test_doctor.py": "doctor",  # on a local AWS of its own
    "tests/e2e/test_rotation": "end to end, rotation",
    "tests/e2e/test_start_with_secret.py": "end to end, rotation",
    "tests/e2e/test_deployments.py": "end to end, day by day",
    "tests/e2e/test_rollback.py": "end to end, day by day",
    "tests/e2e/test_log_options.py": "end to end, day by day",
    "tests/e2e/test_scaling.py": "end to end, day by day",
    "tests/e2e/test_service_log.py": "end to end, day by day",
    "tests/e2e/test_status.py": "end to end, day by day",
    "tests/e2e/test_verify.py": "end to end, day by day",
    "tests/e2e/test_teardown.py": "end to end, day by day",
    "tests/e2e/": "end to end",
    "tests/integration/custom_resources/rotation/": "rotation",
    "tests/integration/custom_resources/": "functions",
    "tests/integration/plugins/": "plugins",
    "tests/integration/local_aws/": "local AWS",
    "tests/unit/templates/": "templates",
    "tests/integration/templates/": "platform",
    "tests/collection/": "collection",
    "tests/image/": "docker",
    "tests/pipelines/": "docker",
}
# Folders whose tests are all walks; elsewhere they are marked one by one (tests/walks/README.md).
WALKS = ("tests/walks/", "tests/image/")

# A noisy machine must not decide whether a property holds.
settings.register_profile("quayside", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("quick", settings.get_profile("quayside"), max_examples=20)
settings.load_profile("quayside")


def area(nodeid: str) -> str:
    """Return the area that a test belongs to."""
    file = nodeid.partition("::")[0]
    if file.startswith("tests/walks/"):
        return file  # each walk has servers of its own
    folder = file.rpartition("/")[0] + "/"
    return next((area for path, area in AREAS.items() if file.startswith(path)), folder)


class AreaScheduling(LoadScopeScheduling):  # type: ignore[misc] # xdist isn't looked into
    """Gives a worker one area after the other."""

    def _split_scope(self, nodeid: str) -> str:
        return area(nodeid)


def pytest_configure(config: pytest.Config) -> None:
    """Hold what the end-to-end tests called against the policies, in the end."""
    config.pluginmanager.register(WholeRun(config), "whole run")


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> AreaScheduling:
    """Take our scheduling; xdist's own `loadgroup` has no effect with this version of pytest."""
    return AreaScheduling(config, log)


# A single test of a quarter of an hour: whatever comes last is waited for by one worker alone.
LONGEST = "tests/walks/test_strict.py"

# `make walks` begins no walk after these seconds; those that it left out stand at the end.
WALKS_SECONDS = float(os.environ.get("WALKS_SECONDS", "3300"))
_BEGAN = time.monotonic()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a walk that would begin too late."""
    if item.get_closest_marker("walk") and time.monotonic() - _BEGAN > WALKS_SECONDS:
        pytest.skip(f"NOT WALKED, cut short after {WALKS_SECONDS:g} s: {item.nodeid}")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the walks, and sort by area; xdist's workers take areas in the order of their tests."""
    for item in items:
        if item.nodeid.startswith(WALKS):
            item.add_marker(pytest.mark.walk)
    walks = dict.fromkeys(area(it.nodeid) for it in items if it.nodeid.startswith("tests/walks/"))
    first = (LONGEST, *walks, "end to end", "end to end, rotation", "end to end, day by day")
    order = list(dict.fromkeys((*first, *AREAS.values())))
    items.sort(key=lambda item: (*order, area(item.nodeid)).index(area(item.nodeid)))


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Where durations are asked for, tell them by file and by worker too."""
    if config.option.durations is None:
        return
    files: defaultdict[str, float] = defaultdict(float)
    workers: defaultdict[str, float] = defaultdict(float)
    for report in (it for reports in terminalreporter.stats.values() for it in reports):
        if isinstance(report, pytest.TestReport):
            files[report.nodeid.partition("::")[0]] += report.duration
            workers[getattr(report, "worker_id", "this process")] += report.duration
    terminalreporter.section("slowest files")
    slowest = sorted(files.items(), key=lambda it: -it[1])
    for file, seconds in slowest[: config.option.durations]:
        terminalreporter.write_line(f"{seconds:8.1f}s {file}")
    told = (f"{worker} {seconds:.0f} s" for worker, seconds in sorted(workers.items()))
    terminalreporter.write_line(f"in all: {', '.join(told)}")
