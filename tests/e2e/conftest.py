"""A platform that the playbooks deployed on a local AWS, once for all end-to-end tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from local_aws.control import LocalAws
from tests.e2e.activation_queue import Queue
from tests.e2e.calls import Held
from tests.e2e.platform import ROOT, Platform

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def aws(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[LocalAws]:
    """A local AWS of the tests' own; in the end, its calls are held against the policies."""
    with LocalAws.start(tmp_path_factory.mktemp("aws") / "state") as running:
        yield running
        held = Held(running.calls())
    held.write(ROOT / "build" / "permissions.json")
    assert held.refused == set()
    assert held.unlisted == set()
    if is_whole(request.session):
        assert held.idle == set()


def is_whole(session: pytest.Session) -> bool:
    """Whether all end-to-end tests ran, and none failed on its way."""
    modules = {item.path.name for item in session.items if item.path.parent == HERE}
    narrowed = session.config.option.keyword or any("::" in it for it in session.config.args)
    every = {path.name for path in HERE.glob("test_*.py")}
    return modules >= every and not narrowed and not session.testsfailed


@pytest.fixture(scope="session")
def platform(aws: LocalAws) -> Platform:
    """The platform ``shop``, deployed by playbooks/platform.yml."""
    deployed = Platform(aws)
    deployed.deployment = deployed.deploy()
    return deployed


@pytest.fixture(scope="session")
def orders_image(aws: LocalAws) -> str:
    """The image of examples/orders."""
    return aws.push_image(ROOT / "examples" / "orders", "orders:1")


@pytest.fixture(scope="session")
def hello_image(aws: LocalAws) -> str:
    """The image of a service without a database."""
    return aws.push_image(ROOT / "tests" / "images" / "hello", "hello:1")


@pytest.fixture(scope="session")
def crash_image(aws: LocalAws) -> str:
    """An image whose container ends at once."""
    return aws.push_image(ROOT / "tests" / "images" / "crash", "crash:1")


@pytest.fixture(scope="session")
def orders(platform: Platform, orders_image: str) -> Platform:
    """The platform with the service ``orders``, deployed by the playbook of examples/orders."""
    platform.play("examples/orders/deploy.yml", **platform.service("orders", orders_image))
    return platform


@pytest.fixture
def queue(platform: Platform) -> Iterator[Queue]:
    """The platform's queue of activations; what a test did to it is undone."""
    made = Queue(platform)
    yield made
    made.release()
    made.lose_no_more()
