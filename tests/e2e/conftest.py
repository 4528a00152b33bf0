"""A platform that the playbooks deployed on a local AWS, once for all end-to-end tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from local_aws.control import LocalAws
from tests.e2e.activation_queue import Queue
from tests.e2e.calls import Held
from tests.e2e.platform import ROOT, Platform
from tests.e2e.whole_run import is_whole, seen
from tests.permissions.callers import TRIED

HERE = Path(__file__).parent
# The tests of this folder that an ordinary run has, by their files; walks' files have none.
_ORDINARY = pytest.StashKey[dict[str, set[str]]]()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(session: pytest.Session, items: list[pytest.Item]) -> None:
    """Note the ordinary tests before what isn't asked for is left out."""
    found: dict[str, set[str]] = {}
    for item in items:
        if item.path.parent == HERE:
            ordinary = set() if item.get_closest_marker("walk") else {item.nodeid}
            found.setdefault(item.path.name, set()).update(ordinary)
    session.stash[_ORDINARY] = found


def pytest_collection_finish(session: pytest.Session) -> None:
    """Note whether none is left out."""
    seen(session.config)["whole"] = is_whole(
        session.stash[_ORDINARY], session.items, session.config.args
    )


@pytest.fixture(scope="session")
def aws(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[LocalAws]:
    """A local AWS of the tests' own; in the end, its calls are held against the policies."""
    with LocalAws.start(tmp_path_factory.mktemp("aws") / "state") as running:
        yield running
        held = Held(running.calls())
    assert held.refused - TRIED == set()
    assert held.unlisted == set()
    seen(request.config)["figures"].append(held.part)


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
