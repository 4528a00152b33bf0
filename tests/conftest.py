"""Settings for all tests of this repository."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).parents[1]
# The tests of an area share servers, and run one after the other; areas run beside each other
# (tests/run.sh), those that take longest first.
AREAS = {
    "tests/e2e": "e2e",
    "tests/integration/custom_resources": "functions",
    "tests/image": "docker",
    "tests/pipelines": "docker",
}

# A noisy machine must not decide whether a property holds.
settings.register_profile("quayside", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("quayside")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Sort the tests by area, and tell xdist's workers which belong together."""
    order = list(dict.fromkeys(AREAS.values()))
    areas = {item: _area(item) for item in items}
    for item, area in areas.items():
        item.add_marker(pytest.mark.xdist_group(area))
    items.sort(key=lambda item: order.index(areas[item]) if areas[item] in order else len(order))


def _area(item: pytest.Item) -> str:
    folder = item.path.parent.relative_to(ROOT)
    for path in (folder, *folder.parents):
        if area := AREAS.get(str(path)):
            return area
    return str(folder)
