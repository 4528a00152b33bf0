"""The benchmark of a rotation can begin: it kills functions in each of their steps."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest

from benchmarks.rotation import functions_that_can_be_killed
from tests.unit.templates.templates import load

FUNCTIONS = ("rotate", "activate")


@pytest.fixture(scope="module")
def variables(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    return functions_that_can_be_killed(tmp_path_factory.mktemp("functions"))


def test_the_functions_that_it_kills_are_those_of_a_stack_that_the_playbook_deploys(
    variables: dict[str, object],
) -> None:
    overrides = variables["rotation_overrides"]
    assert isinstance(overrides, dict)
    killed = {name for name, it in overrides["Resources"].items() if "Handler" in str(it)}
    assert killed == {f"{name.title()}Function" for name in FUNCTIONS}
    assert killed < load("rotation")["Resources"].keys()


@pytest.mark.parametrize("function", FUNCTIONS)
def test_their_zips_have_the_handler_that_is_named(
    variables: dict[str, object], function: str
) -> None:
    (built,) = Path(str(variables["support_functions_directory"])).iterdir()
    manifest = json.loads((built / "manifest.json").read_text())
    with zipfile.ZipFile(built / manifest[function]["file"]) as archive:
        assert f"def {function}(".encode() in archive.read("interrupted.py")
