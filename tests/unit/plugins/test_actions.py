"""The actions' options are the documented ones."""

from __future__ import annotations

import functools
import importlib
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[3]
COLLECTION = "ansible_collections.quayside.fargate.plugins"
ACTIONS = sorted(path.stem for path in (ROOT / "plugins" / "action").glob("*.py"))


def action(name: str) -> ModuleType:
    return importlib.import_module(f"{COLLECTION}.action.{name}")


def documentation(name: str) -> ModuleType:
    return importlib.import_module(f"{COLLECTION}.modules.{name}")


@functools.cache
def ansible_doc() -> dict[str, Any]:
    """What ansible-doc says about the actions, with the fragments that they extend."""
    program = Path(sys.executable).parent / "ansible-doc"
    names = [f"quayside.fargate.{name}" for name in ACTIONS]
    done = subprocess.run(
        [program, "--json", *names], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return dict(json.loads(done.stdout))


def documented(name: str) -> dict[str, Any]:
    options: dict[str, Any] = ansible_doc()[f"quayside.fargate.{name}"]["doc"]["options"]
    return options


@pytest.mark.parametrize("name", ACTIONS)
def test_every_option_is_documented_as_it_is_and_no_other(name: str) -> None:
    shown = {
        option: {key: value for key, value in entry.items() if key != "description"}
        for option, entry in documented(name).items()
    }
    assert shown == action(name).ActionModule.options


@pytest.mark.parametrize("name", ACTIONS)
def test_the_examples_use_documented_options(name: str) -> None:
    for task in yaml.safe_load(documentation(name).EXAMPLES):
        assert set(task[f"quayside.fargate.{name}"]) <= set(documented(name))


@pytest.mark.parametrize("name", ACTIONS)
def test_what_is_returned_is_documented(name: str) -> None:
    assert yaml.safe_load(documentation(name).RETURN)
