"""The tarball: what users need, and nothing of this machine."""

from __future__ import annotations

import json
import re
import tarfile
from pathlib import Path

import pytest

from release import version
from tests.collection.tools import ROOT, galaxy, tracked

GENERATED = {"FILES.json", "MANIFEST.json"}


@pytest.fixture(scope="module")
def names(tarball: Path) -> set[str]:
    """The files in the tarball."""
    with tarfile.open(tarball) as opened:
        return {member.name for member in opened if member.isfile()}


def test_it_holds_all_that_roles_and_playbooks_use(names: set[str]) -> None:
    used = tracked("custom_resources", "meta", "playbooks", "plugins", "roles", "templates")
    assert used - names == set()


def test_it_holds_the_documentation_and_the_changelog(names: set[str]) -> None:
    scripts = {name for name in tracked("docs") if name.endswith((".py", ".yml"))}
    documents = tracked("docs") - scripts
    assert scripts & names == set()
    assert documents | {"README.md", "CHANGELOG.md", "changelogs/changelog.yaml"} <= names


def test_it_holds_nothing_else(names: set[str]) -> None:
    assert {name.split("/")[0] for name in names - GENERATED} == {
        "CHANGELOG.md",
        "README.md",
        "changelogs",
        "custom_resources",
        "docs",
        "meta",
        "playbooks",
        "plugins",
        "requirements.txt",
        "roles",
        "templates",
    }


def test_every_file_in_it_is_one_of_the_repository(names: set[str]) -> None:
    assert names - GENERATED - tracked() == set()


def test_it_says_which_collection_it_needs(tarball: Path) -> None:
    with tarfile.open(tarball) as opened:
        manifest = opened.extractfile("MANIFEST.json")
        assert manifest
        about = json.load(manifest)["collection_info"]
    assert about["version"] == galaxy()["version"]
    needed = {
        module.group(1)
        for path in tracked("roles", "playbooks")
        for module in re.finditer(r"^\s*(\w+\.\w+)\.\w+:", (ROOT / path).read_text(), re.M)
    }
    ours = {"ansible.builtin", "quayside.fargate"}
    assert about["dependencies"].keys() == needed - ours


def test_with_the_next_version_the_one_before_stands_nowhere_in_it(
    names: set[str], tmp_path: Path
) -> None:
    before, after = galaxy()["version"], "98.7.6"
    for name in tracked("galaxy.yml", "examples", *(names - GENERATED)):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes((ROOT / name).read_bytes())
    told = tmp_path / "galaxy.yml"
    told.write_text(told.read_text().replace(f"version: {before}", f"version: {after}"))
    assert version.write(tmp_path)
    # What was before it, and what came with it, may be told in any file: that stays true.
    old = re.compile(rf"(?<![\d.=])(?<!before ){re.escape(before)}(?![\d.])")
    lines = [
        f"{name}: {line}"
        for name in sorted(names - GENERATED - {"CHANGELOG.md", "changelogs/changelog.yaml"})
        for line in (tmp_path / name).read_text().splitlines()
        if old.search(line) and "version_added" not in line
    ]
    assert lines == []


def test_whoever_names_a_version_of_the_collection_or_its_image_names_this_one() -> None:
    named = {
        it
        for name in tracked()
        for it in re.findall(
            r"quayside[/-]fargate[:-](\d+\.\d+\.\d+)", (ROOT / name).read_text(errors="replace")
        )
    }
    assert named <= {galaxy()["version"]}
