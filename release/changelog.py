"""The changelog: fragments become a release's news, by antsibull-changelog."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from release import version
from release.errors import ReleaseError
from release.repository import Repository

_VERSION = re.compile(r"(\d+)\.(\d+)\.(\d+)")
_FRAGMENTS = "changelogs/fragments"


def prepare(root: Path, new: str, date: str) -> None:
    """Write a version wherever it stands, and its news into the changelog; nothing is committed.

    Args:
        root: folder of the repository, in which everything is committed.
        new: the version to be released, such as `1.4.0`.
        date: of the release, such as `2026-11-28`.

    Raises: ReleaseError before anything is written if the version doesn't follow the last one, or
        there are no news; and with the program's words if antsibull-changelog fails.
    """
    Repository(root).refuse_changes()
    last = max(released(root), key=version.numbers, default="0.0.0")
    if not _VERSION.fullmatch(new) or version.numbers(new) <= version.numbers(last):
        raise ReleaseError(
            f"{new} isn't a version after {last}, the last one. Give one such as {_next(last)}."
        )
    if not any("release_summary" in it for it in fragments(root).values()):
        raise ReleaseError(
            f"No fragment says what {new} is about. Write {_FRAGMENTS}/{new}.yml with "
            "`release_summary: ...`, and commit it."
        )
    antsibull(root, "lint")
    galaxy = root / "galaxy.yml"
    galaxy.write_text(re.sub(r"(?m)^version: .*$", f"version: {new}", galaxy.read_text()))
    version.write(root)
    antsibull(root, "release", "--date", date)


def released(root: Path) -> list[str]:
    """Return the versions that the changelog has.

    Args:
        root: folder of the repository.
    """
    said = yaml.safe_load((root / "changelogs" / "changelog.yaml").read_text())
    return [*said["releases"]]


def fragments(root: Path) -> dict[str, dict[str, Any]]:
    """Return the news that no release has yet, by their files' names.

    Args:
        root: folder of the repository.
    """
    files = sorted((root / _FRAGMENTS).glob("*.yml"))
    return {path.name: yaml.safe_load(path.read_text()) or {} for path in files}


def antsibull(root: Path, *words: str) -> None:
    """Run antsibull-changelog in a repository; raise ReleaseError with what it said if it fails."""
    programs = Path(sys.executable).parent  # it calls ansible-doc by its name
    done = subprocess.run(
        [programs / "antsibull-changelog", *words],
        cwd=root,
        env={**os.environ, "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        said = (done.stdout + done.stderr).strip()
        raise ReleaseError(f"antsibull-changelog {words[0]} failed: {said}. Mend that first.")


def _next(last: str) -> str:
    major, minor, _ = version.numbers(last)
    return f"{major}.{minor + 1}.0"
