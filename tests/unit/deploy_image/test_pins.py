"""The image runs what the tests run."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PIN = re.compile(
    r"^([a-z0-9-]+)==([0-9.]+)(?:; python_version >= \"3\.12\")?(?: \\)?$", re.MULTILINE
)


def pins(*names: str) -> dict[str, str]:
    """Return the versions that requirements files pin for Python 3.13, by package."""
    return {
        name: version for file in names for name, version in PIN.findall((ROOT / file).read_text())
    }


@pytest.mark.parametrize("package", ["ansible", "boto3", "botocore"])
def test_the_image_has_the_versions_of_the_virtual_environment(package: str) -> None:
    locked = pins("deploy_image/requirements.txt", "deploy_image/collections.txt")
    assert locked[package] == pins("requirements.txt")[package]


@pytest.mark.parametrize("name", ["requirements", "collections"])
def test_the_lock_files_hold_what_is_asked_for(name: str) -> None:
    locked = pins(f"deploy_image/{name}.txt")
    assert pins(f"deploy_image/{name}.in").items() <= locked.items()


@pytest.mark.parametrize("name", ["requirements", "collections"])
def test_every_locked_package_has_a_hash(name: str) -> None:
    text = (ROOT / f"deploy_image/{name}.txt").read_text()
    packages = re.split(r"^(?=[a-z])", text, flags=re.MULTILINE)[1:]
    assert packages
    assert [package for package in packages if "--hash=sha256:" not in package] == []
