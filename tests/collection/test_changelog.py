"""The changelog: as antsibull-changelog writes it, and up to date."""

from __future__ import annotations

from pathlib import Path

import yaml

from tests.collection.tools import ROOT, galaxy, run, tracked


def test_its_fragments_and_releases_are_in_order() -> None:
    assert run("antsibull-changelog", "lint", cwd=ROOT) == ""


def test_it_is_what_antsibull_changelog_writes(tmp_path: Path) -> None:
    written = tmp_path / "CHANGELOG.md"
    run(
        "antsibull-changelog",
        "generate",
        "--output-format=md",
        "--output",
        written,
        cwd=ROOT,
    )
    assert (ROOT / "CHANGELOG.md").read_text() == written.read_text()


def test_it_knows_the_version_or_has_news_of_it() -> None:
    releases = yaml.safe_load((ROOT / "changelogs" / "changelog.yaml").read_text())["releases"]
    assert galaxy()["version"] in releases or tracked("changelogs/fragments/*.yml")
