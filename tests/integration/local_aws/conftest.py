"""One local AWS for the tests of this folder, and what they put on it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from local_aws.control import LocalAws
from tests.integration.local_aws.support import Stacks


@pytest.fixture(scope="session")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    with LocalAws.start(tmp_path_factory.mktemp("local-aws")) as running:
        yield running


@pytest.fixture(scope="session")
def image(aws: LocalAws) -> str:
    return aws.push_image(Path(__file__).parent / "image", "app:1")


@pytest.fixture
def stacks(aws: LocalAws) -> Iterator[Stacks]:
    deployed = Stacks(aws)
    yield deployed
    for name in reversed(list(deployed.names)):
        deployed.delete(name)


@pytest.fixture(scope="session")
def host_runtime() -> str:
    return f"python3.{sys.version_info.minor}"
