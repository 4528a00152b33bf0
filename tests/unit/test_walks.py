"""What isn't part of `make test` is named where one looks for it."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

import pytest

from tests import conftest
from tests.unit.templates.templates import load
from tests.walks import test_first_hour, test_parameters, upgrading

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
    assert list(ROOT.glob(f"{folder.rstrip('/')}*"))


def test_each_row_is_of_walks_that_are_there_and_nothing_has_two() -> None:
    rows = [row.split("|")[1] for row in README.splitlines() if row.startswith("| ")][1:]
    named = [name for row in rows for name in re.findall(r"`([^`]+)`", row)]
    known = {it.removesuffix("/conftest.py").removeprefix("tests/walks/") for it in FILES}
    folders = {it.rstrip("/") for it in conftest.WALKS}

    assert len(named) > len(rows) / 2
    assert set(named) - known - folders == set()
    assert sorted(set(named)) == sorted(named)


@pytest.mark.parametrize("digest", ["a565b34", "0123456", "abcdefa"])
def test_a_row_of_status_is_alike_whatever_digest_user_and_date_it_has(digest: str) -> None:
    row = "orders  ok  2/2  1 {}  2026-11-{} 04:52 ok  root  {}  1.1.0  http://orders.example.com/"
    alike = test_first_hour.alike
    assert alike(row.format(digest, 29, "blue")) == alike(row.format("ef88d46", 30, "green"))
    assert alike(row.format(digest, 29, "blue")) != alike(row.format("unknown", 29, "blue"))


def noted() -> dict[str, dict[str, str]]:
    """Return the cells that the walk of the upgrade notes, as it is written."""
    table: dict[str, dict[str, str]] = {}
    for node in ast.walk(ast.parse((ROOT / "tests" / "walks" / "test_upgrade.py").read_text())):
        if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "noted":
            pair, deed, outcome = node.args
            assert isinstance(pair, ast.Name)
            cells = table.setdefault(getattr(upgrading, pair.id), {})
            cells[ast.literal_eval(deed)] = ast.literal_eval(outcome)
    return table


def test_the_pages_table_of_what_works_is_what_the_upgrade_notes() -> None:
    table = upgrading.page_table((ROOT / "docs" / "upgrading.md").read_text())
    assert {it for cells in table.values() for it in cells.values()} == {
        *("works", "refused", "stops")
    }
    assert table == noted()


def test_an_upgrade_begins_with_the_newest_tag_or_with_head_before_the_first_release() -> None:
    assert upgrading.chosen("v1.1.0", ["1.0.0", "1.1.0"], shallow=False) == "v1.1.0"
    assert upgrading.chosen("", ["1.0.0"], shallow=False) == upgrading.HEAD


def test_an_upgrade_without_the_releases_tag_fails_and_in_a_shallow_clone_is_skipped() -> None:
    released = ["1.0.0", "1.9.0", "1.10.0"]
    with pytest.raises(pytest.fail.Exception, match=r"1\.10\.0 is released, and no tag"):
        upgrading.chosen("", released, shallow=False)
    with pytest.raises(pytest.skip.Exception, match="git fetch --unshallow --tags"):
        upgrading.chosen("", released, shallow=True)


def test_figures_of_an_upgrade_have_what_was_lost_and_denied() -> None:
    one = {"requests": 10, "requests_lost": 1, "logins": 7, "logins_denied": 2}
    assert upgrading.sums([one, {}, one]) == {name: 2 * count for name, count in one.items()}


def test_a_walk_changes_each_parameter_of_a_service_or_says_who_does() -> None:
    parameters = load("service")["Parameters"]
    assert parameters.keys() - test_parameters.KNOWN - test_parameters.VALUES.keys() == set()


def test_a_parameter_with_a_choice_needs_no_row_for_its_walk() -> None:
    parameters: dict[str, dict[str, Any]] = {
        "Flag": {"Default": "false", "AllowedValues": ["true", "false"]},
        "Count": {"Default": 2, "AllowedValues": [1, 2, 3]},
        "Known": {"Default": "a", "AllowedValues": ["a", "b"]},
        "Text": {"Default": ""},
    }
    assert test_parameters.there_and_back(parameters, {"Known"}) == {
        "Flag": ("true", "false"),
        "Count": ("1", "3", "2"),
    }
