"""The walks end in time, and say what they left out."""

from __future__ import annotations

import os
import time

import pytest

LIMIT = float(os.environ.get("WALKS_SECONDS", "3000"))  # no walk is begun after these seconds
_BEGAN = time.monotonic()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what would begin too late."""
    if time.monotonic() - _BEGAN > LIMIT:
        pytest.skip(f"NOT WALKED, cut short after {LIMIT:g} s: {item.nodeid}")
