"""One local AWS for the tests of this folder, and what they put on it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from local_aws.control import LocalAws
from tests.integration.local_aws.support import LOAD_BALANCER, Service, Stacks


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


@pytest.fixture(scope="module")
def listener(aws: LocalAws) -> Iterator[str]:
    stacks = Stacks(aws)
    yield stacks.deploy("services-balancer", LOAD_BALANCER)["ListenerArn"]
    stacks.delete("services-balancer")


@pytest.fixture
def service(
    aws: LocalAws, stacks: Stacks, listener: str, request: pytest.FixtureRequest
) -> Service:
    return Service(aws, stacks, listener, f"s{abs(hash(request.node.name)) % 10**6}")
