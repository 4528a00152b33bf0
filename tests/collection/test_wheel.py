"""What `pip install` brings into a folder of one's own."""

from __future__ import annotations

import tarfile
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests.collection.tools import PLACE, ROOT, galaxy, run, tracked

PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
# What only ansible-galaxy needs, or who writes the changelog.
LEFT_OUT = ("FILES.json", "MANIFEST.json", "changelogs/", "requirements.txt")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What pip builds of the checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    run("pip", "wheel", "--no-deps", "--wheel-dir", folder, ROOT, cwd=folder)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def names(wheel: Path) -> set[str]:
    """The files in it."""
    with zipfile.ZipFile(wheel) as opened:
        return {name for name in opened.namelist() if ".dist-info/" not in name}


def pins(file: str) -> set[str]:
    """The lines of a requirements file, without remarks."""
    lines = (line.partition(" #")[0].strip() for line in (ROOT / file).read_text().splitlines())
    return {line.replace('"', "'") for line in lines if line and line[0] not in "#-"}


def test_it_holds_the_collection_where_ansible_looks(names: set[str], tarball: Path) -> None:
    with tarfile.open(tarball) as opened:
        files = {member.name for member in opened if member.isfile()}
    wanted = {name for name in files if not name.startswith(LEFT_OUT)} | {"galaxy.yml"}
    assert {name for name in names if name.startswith(f"{PLACE}/")} == {
        f"{PLACE}/{name}" for name in wanted
    }


def test_it_holds_the_local_aws_and_nothing_else(names: set[str]) -> None:
    assert {name for name in names if not name.startswith(f"{PLACE}/")} == tracked("local_aws")


def test_it_has_the_collections_version(wheel: Path) -> None:
    assert wheel.name == f"quayside_fargate-{galaxy()['version']}-py3-none-any.whl"


def test_it_takes_what_the_checkout_is_tested_with() -> None:
    assert set(PROJECT["dependencies"]) <= pins("requirements.txt")
    local = set(PROJECT["optional-dependencies"]["local"])
    assert local <= pins("requirements.txt") | pins("requirements-dev.txt")
