"""The collection as its users get it: built, and installed where nothing of the checkout is."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.collection.tools import PLACE, ROOT, galaxy, run


@pytest.fixture(scope="session")
def tarball(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `ansible-galaxy collection build` makes of the checkout."""
    folder = tmp_path_factory.mktemp("tarball")
    run("ansible-galaxy", "collection", "build", "--output-path", folder, cwd=ROOT)
    return folder / f"quayside-fargate-{galaxy()['version']}.tar.gz"


@pytest.fixture(scope="session")
def home(tarball: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A user's home, with the collection installed from its tarball and nothing else."""
    folder = tmp_path_factory.mktemp("home")
    told = run("ansible-galaxy", "collection", "install", tarball, cwd=folder, HOME=str(folder))
    assert "quayside.fargate" in told
    return folder


@pytest.fixture(scope="session")
def installed(home: Path) -> Path:
    """Where the collection is installed."""
    return home / ".ansible" / "collections" / PLACE
