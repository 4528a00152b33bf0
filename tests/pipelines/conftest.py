"""The stand-in for Jenkins, once for all tests of pipelines."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.image.conftest import base, image, pytest_collection_modifyitems
from tests.pipelines.groovy import NoGroovyError
from tests.pipelines.jenkins import Jenkins

__all__ = ["base", "image", "jenkins", "pytest_collection_modifyitems"]


@pytest.fixture(scope="session")
def jenkins() -> Iterator[Jenkins]:
    """The stand-in, running."""
    try:
        running = Jenkins()
    except NoGroovyError as reason:
        pytest.skip(f"no Groovy for the stand-in for Jenkins: {reason}")
    with running:
        yield running
