"""How the tests share out over processes: a file stays together, and so do all end-to-end tests.

Their fixtures are servers and whole platforms, which no second process should start again.
"""

from __future__ import annotations

from pathlib import Path

import pytest

E2E = Path(__file__).parent / "e2e"


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist reads the marks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        shares_platform = item.path.parent == E2E and item.path.name != "test_demo.py"
        item.add_marker(pytest.mark.xdist_group("e2e" if shares_platform else str(item.path)))
