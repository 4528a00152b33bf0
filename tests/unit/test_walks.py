"""What isn't part of `make test` is named where one looks for it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests import conftest

ROOT = Path(__file__).parents[2]
README = (ROOT / "tests" / "walks" / "README.md").read_text()
FILES = [
    path.relative_to(ROOT).as_posix()
    for path in sorted((ROOT / "tests").rglob("*.py"))
    if re.search(r"^(@|pytestmark = \[?|.* else \[)pytest\.mark\.walk\b", path.read_text(), re.M)
    or (path.name.startswith("test_") and "/walks/" in path.as_posix())
]


def test_the_walks_that_are_files_or_marked_are_found() -> None:
    assert "tests/walks/test_strict.py" in FILES
    assert "tests/collection/test_sanity.py" in FILES
    assert "tests/pipelines/test_jenkinsfile.py" in FILES
    assert "tests/integration/custom_resources/conftest.py" in FILES


@pytest.mark.parametrize("file", FILES)
def test_a_file_with_walks_is_named_with_what_takes_long(file: str) -> None:
    folder, _, name = file.rpartition("/")
    known = folder if name == "conftest.py" else name if folder == "tests/walks" else file
    assert re.search(rf"^\| .*{re.escape(known)}`.* \| .{{10,}} \| .{{5,}} \|$", README, re.M)


@pytest.mark.parametrize("folder", conftest.WALKS)
def test_a_folder_of_walks_is_named(folder: str) -> None:
    assert folder == "tests/walks/" or f"| `{folder.rstrip('/')}` |" in README


@pytest.mark.parametrize("folder", conftest.AREAS)
def test_an_area_is_there(folder: str) -> None:
    assert (ROOT / folder).exists()


def test_each_row_is_of_walks_that_are_there_and_nothing_has_two() -> None:
    rows = [row.split("|")[1] for row in README.splitlines() if row.startswith("| ")][1:]
    named = [name for row in rows for name in re.findall(r"`([^`]+)`", row)]
    known = {it.removesuffix("/conftest.py").removeprefix("tests/walks/") for it in FILES}
    folders = {it.rstrip("/") for it in conftest.WALKS}

    assert len(named) > len(rows) / 2
    assert set(named) - known - folders == set()
    assert sorted(set(named)) == sorted(named)
