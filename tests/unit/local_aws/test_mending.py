"""Mends are put into ministack in one way, whatever the order in which they are asked."""

from __future__ import annotations

import inspect
import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from ministack.services import ecs, ssm

from local_aws import mends, versions
from local_aws.databases import Databases
from local_aws.errors import LocalAwsError
from local_aws.mending import Layer, Mending
from local_aws.places import ALIASES, Place
from local_aws.settings import Settings
from local_aws.tls import Certificate

ROOT = Path(__file__).parents[3]
SEEDS = ("Hugin", "Munin", "Ratatoskr")


@pytest.fixture
def mending(tmp_path: Path) -> Mending:
    settings = Settings.fresh(tmp_path, 12800, "eu-central-1")
    return Mending(settings, Databases(settings, Certificate(tmp_path, tmp_path)))


@pytest.fixture
def module() -> Any:
    """Return a module of ministack's that nobody else has."""
    made: Any = ModuleType("ministack.services.of_this_test")
    made.greet = lambda name: f"hello {name}"
    sys.modules[made.__name__] = made
    yield made
    del sys.modules[made.__name__]


def installed(directory: Path, seed: str) -> Any:
    """Return what a process tells that installed the mends in an order of its own."""
    directory.mkdir()
    command = [sys.executable, "-m", "tests.unit.local_aws.shuffled", str(directory), seed]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_in_whichever_order_mends_are_installed_the_same_is_called_in_the_same_places(
    tmp_path: Path,
) -> None:
    first, *others = [installed(tmp_path / seed, seed) for seed in SEEDS]
    assert len(first["found"]) > 150
    for other in others:
        assert sorted(other["order"]) == sorted(first["order"])
        assert other["order"] != first["order"]
        assert other["wished"] == first["wished"]
        assert other["found"] == first["found"]
    # nobody puts anything anywhere by himself
    assert first["untouched"]


def test_every_module_with_an_install_is_found() -> None:
    folder = Path(mends.__file__).parent
    written = {
        ".".join(path.relative_to(folder.parents[1]).with_suffix("").parts)
        for path in folder.rglob("*.py")
        if "\ndef install(" in path.read_text()
    }
    assert {module.__name__ for module in mends.mends()} == written


@pytest.mark.parametrize("backwards", [False, True])
def test_the_outer_layer_is_called_first(mending: Mending, module: Any, *, backwards: bool) -> None:
    def inner(upstream: Callable[[str], str], name: str) -> str:
        return upstream(f"{name} (inner)")

    def outer(upstream: Callable[[str], str], name: str) -> str:
        return upstream(f"{name} (outer)")

    wishes = [(inner, Layer.DEED), (outer, Layer.PERMISSION)]
    for wrapper, layer in reversed(wishes) if backwards else wishes:
        mending.around(module, "greet", wrapper, layer=layer)
    mending.compose()
    assert module.greet("Ask") == "hello Ask (outer) (inner)"


def test_what_is_put_in_a_place_is_what_others_stand_around(mending: Mending, module: Any) -> None:
    mending.around(module, "greet", lambda upstream, name: upstream(name).upper())
    mending.put(module, "greet", lambda name: f"good day {name}")
    mending.compose()
    assert module.greet("Ask") == "GOOD DAY ASK"


def test_two_in_one_layer_are_refused_and_named(mending: Mending, module: Any) -> None:
    def one(upstream: Any) -> Any: ...
    def another(upstream: Any) -> Any: ...

    mending.around(module, "greet", one)
    mending.around(module, "greet", another)
    with pytest.raises(LocalAwsError, match=r"one and .*another both stand at .*greet.*DEED"):
        mending.compose()


def test_two_values_in_one_place_are_refused(mending: Mending) -> None:
    mending.put(ssm, "_parameters", {})
    with pytest.raises(LocalAwsError, match=r"Two mends put something at services\.ssm\._param"):
        mending.put(ssm, "_parameters", {})


def test_a_function_is_the_same_one_under_each_of_its_names(mending: Mending) -> None:
    mending.around(ecs, "_ACTION_MAP", lambda upstream, data: upstream(data), key="StopTask")
    assert Place("services.ecs", "_stop_task") in mending.places()
    for place, others in ALIASES.items():
        assert all(other.read() is place.read() for other in others)


def test_a_name_that_is_no_longer_the_same_function_is_told(
    mending: Mending, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(ecs._ACTION_MAP, "StopTask", lambda data: data)
    mending.around(ecs, "_stop_task", lambda upstream, data: upstream(data))
    with pytest.raises(LocalAwsError, match="_ACTION_MAP StopTask is no longer its"):
        mending.compose()


def test_what_ministack_has_by_now_is_not_replaced(mending: Mending) -> None:
    mending.lacking("_RESOURCE_HANDLERS", "AWS::S3::Bucket", {})
    assert mending.places() == []


HEAD = re.compile(
    r"(?P<title>[^\n]+\.)\n\n(?:.+\n)*?"
    r"Wrong upstream: (?P<wrong>(?:.+\n)+?)"
    r"Source: (?P<source>(?:.+\n)+?)"
    r"Last needed: ministack (?P<release>[\d.]+)\.(?: Not shown by a probe: (?:.+\n?)+)?"
)


@pytest.mark.parametrize("mend", list(mends.mends()), ids=lambda mend: mend.__name__)
def test_a_mend_says_what_is_wrong_who_says_so_and_when_it_was_last_needed(mend: Any) -> None:
    head = HEAD.fullmatch(inspect.getdoc(mend) or "")
    assert head, f"the head of {mend.__name__} has another form"
    assert "Last needed" not in head["source"]
    assert head["release"] == versions.PINS["ministack"]
