"""The deploy image on a laptop, by the commands of README.md."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.e2e.platform import ROOT, Platform
from tests.image import laptop


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """The repository of the example service."""
    return Path(shutil.copytree(ROOT / "examples" / "orders", tmp_path / "orders"))


def test_a_service_is_deployed_from_its_repository_and_answers(
    image: str, platform: Platform, orders_image: str, repository: Path
) -> None:
    variables = platform.service("ledger", orders_image)

    environment = platform.aws.environment
    laptop.play(image, "deploy.yml", variables, workspace=repository, environment=environment)

    assert platform.call("ledger", "/orders").status == 200
