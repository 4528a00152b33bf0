"""The documentation of plugins and roles: readable by Ansible's own tools."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.collection.tools import ROOT, run


def test_antsibull_docs_finds_nothing_to_mend(installed: Path, home: Path) -> None:
    told = run(
        "antsibull-docs",
        "lint-collection-docs",
        "--plugin-docs",
        "--validate-collection-refs=self",
        installed,
        cwd=home,
        HOME=str(home),
    )
    assert told == ""


@pytest.mark.parametrize(
    ("kind", "folder"), [("module", "plugins/modules"), ("lookup", "plugins/lookup")]
)
def test_ansible_doc_shows_every_plugin_with_an_example(home: Path, kind: str, folder: str) -> None:
    names = [f"quayside.fargate.{path.stem}" for path in sorted((ROOT / folder).glob("*.py"))]
    assert names
    told = run("ansible-doc", "--type", kind, *names, cwd=home, HOME=str(home))
    assert told.count("EXAMPLES:") == len(names)
    assert "AWS_ENDPOINT_URL" in told, "the fragment of shared options isn't found"


def test_ansible_doc_shows_every_role_by_its_full_name(home: Path) -> None:
    told = run("ansible-doc", "--type=role", "--list", "quayside.fargate", cwd=home, HOME=str(home))
    for role in (ROOT / "roles").iterdir():
        assert f"quayside.fargate.{role.name}" in told
