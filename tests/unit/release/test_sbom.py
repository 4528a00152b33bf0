"""What a requirements file pins, as a bill of materials names it."""

from __future__ import annotations

from datetime import UTC, datetime

from release import sbom
from release.sbom import Package

MOMENT = datetime(2031, 5, 6, tzinfo=UTC)


def test_packages_are_read_without_hashes_comments_and_markers() -> None:
    text = """\
# What it needs.
crhelper==2.0.12 \\
    --hash=sha256:8788 \\
    --hash=sha256:930e
cffi==2.1.1; python_version >= "3.12"  # of cryptography
"""
    assert sbom.pinned(text) == [Package("crhelper", "2.0.12"), Package("cffi", "2.1.1")]


def test_a_bill_of_the_same_things_is_the_same() -> None:
    packages = [Package("crhelper", "2.0.12"), Package("cffi", "2.1.1")]
    first = sbom.of_image("1.4.0", MOMENT, "python:3.13-slim", packages)
    assert sbom.of_image("1.4.0", MOMENT, "python:3.13-slim", packages[::-1]) == first
    assert sbom.of_image("1.4.1", MOMENT, "python:3.13-slim", packages) != first
