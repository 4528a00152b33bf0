"""The deploy image, built once for all its tests by a real Docker engine."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, suppress

import pytest

from local_aws.control import LocalAws
from tests.e2e.platform import ROOT, Platform, platform_variables
from tests.image import base_image, deploy_image, laptop
from tests.image.engine import NoEngineError, engine
from tests.integration.custom_resources.isolation import NoInterpreterError, interpreter

BUILD = ROOT / "build" / "image"
# On a fresh machine, the first of them installs Docker, makes a base image and builds on it.
TIMEOUT = 1500  # seconds


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give every test that needs an engine the time to get one."""
    for item in items:
        if "base" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.timeout(TIMEOUT))


@pytest.fixture(scope="session")
def base() -> Iterator[str]:
    """Name of the base image, in an engine that runs as long as the tests.

    Without an engine the tests are skipped; with REQUIRE_DOCKER in the environment they fail.
    """
    BUILD.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        try:
            stack.enter_context(engine(BUILD / "dockerd.log"))
            name = os.environ.get("BASE_IMAGE") or base_image.stand_in(BUILD)
        except NoEngineError as reason:
            if os.environ.get("REQUIRE_DOCKER"):
                pytest.fail(
                    f"REQUIRE_DOCKER is set, but the deploy image can't be tested: {reason}"
                )
            pytest.skip(f"the deploy image was NOT tested: {reason}")
        yield name


@pytest.fixture(scope="session")
def image(base: str) -> str:
    """Name of the deploy image."""
    return deploy_image.build(base)


@pytest.fixture(scope="session")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    """A local AWS of the tests' own, on loopback: containers reach it in the host's network."""
    with LocalAws.start(tmp_path_factory.mktemp("aws") / "state") as running:
        yield running


@pytest.fixture(scope="session")
def platform(image: str, aws: LocalAws, tmp_path_factory: pytest.TempPathFactory) -> Platform:
    """The platform ``shop``, deployed from the image by README.md's command, without a checkout.

    Its functions are those in the image, if this machine has the Python that they are built for.
    """
    variables = {"platform": Platform.name, **platform_variables()}
    options = ["-v", f"{ROOT}/build/functions:/functions:ro"]
    variables["support_functions_directory"] = "/functions"
    with suppress(NoInterpreterError):
        interpreter("python3.13")
        variables["support_function_runtime"] = "python3.13"
        del variables["support_functions_directory"]
        options = []
    laptop.play(
        image,
        "quayside.fargate.platform",
        variables,
        workspace=tmp_path_factory.mktemp("empty"),
        environment=aws.environment,
        options=options,
    )
    return Platform(aws)


@pytest.fixture(scope="session")
def orders_image(aws: LocalAws) -> str:
    """The image of examples/orders."""
    return aws.push_image(ROOT / "examples" / "orders", "orders:1")
