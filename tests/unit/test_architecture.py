"""The house is as docs/architecture.md says: each room in it, and no arrow that points up."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "architecture.md"
_ROW = re.compile(r"^\| `([^`]+/)` \|(.*)\| ([^|]*)\|$", re.MULTILINE)
_PATH = re.compile(r"`([^`]+/)`")
_ALL = "all of the above"
_COLLECTION = "ansible_collections.quayside.fargate."
# What stands before quayside.fargate.NAME says what the name is of; an action is a key.
_NAMED = re.compile(r"(role: |_CALLBACK=|lookup\('|)quayside\.fargate\.(\w+)")
_KINDS = {
    "role: ": "roles/{}/meta/main.yml",
    "_CALLBACK=": "plugins/callback/{}.py",
    "lookup('": "plugins/lookup/{}.py",
    "": "plugins/action/{}.py",
}
_CONTRACT = "custom_resources/contract/"
_PACKAGES = ("custom_resources", "plugins")  # each folder right below is a room of its own
_ANSIBLE = ("roles/", "playbooks/", "extensions/", "examples/")
_TEMPLATE = re.compile(r"\btemplates/\w+\.yml")


@dataclass(frozen=True)
class Room:
    """A row of the page.

    path: the folder, with a slash at its end; may_ask: the rooms that it may use; floor: the number
    of its row, from the ground.
    """

    path: str
    may_ask: frozenset[str]
    floor: int


@cache
def rooms() -> dict[str, Room]:
    """Return the rooms that the page has, by path."""
    rows = _ROW.findall(PAGE.read_text())
    below = [path for path, _, _ in rows]
    return {
        path: Room(
            path, frozenset(below[:floor] if asks.strip() == _ALL else _PATH.findall(asks)), floor
        )
        for floor, (path, _, asks) in enumerate(rows)
    }


@cache
def files() -> tuple[str, ...]:
    """Return what the repository holds."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    return tuple(it for it in listed.stdout.splitlines() if (ROOT / it).exists())


def room_of(file: str) -> str | None:
    """Return the innermost room that a file lies in."""
    inside = [path for path in rooms() if file.startswith(path)]
    return max(inside, key=len, default=None)


def modules(file: str, text: str) -> Iterator[str]:
    """Yield what a Python file imports, each by its whole name, ``package.module.name``."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = Path(file).parts[: -node.level] if node.level else ()
            within = [*above, *([node.module] if node.module else [])]
            yield from (".".join([*within, alias.name]) for alias in node.names)


def imported(file: str) -> Iterator[str]:
    """Yield the files of ours that a Python file imports."""
    for name in modules(file, (ROOT / file).read_text()):
        yield from _ours(name.removeprefix(_COLLECTION).split("."))


def _ours(parts: list[str]) -> Iterator[str]:
    for length in (len(parts), len(parts) - 1):
        stem = "/".join(parts[:length])
        for file in (f"{stem}.py", f"{stem}/__init__.py"):
            if length and file in files():
                yield file
                return


def named(file: str) -> Iterator[str]:
    """Yield the files of ours that a YAML file of Ansible's names: plugins, roles, templates."""
    text = (ROOT / file).read_text()
    yield from (_KINDS[before].format(name) for before, name in _NAMED.findall(text))
    yield from _TEMPLATE.findall(text)


@cache
def arrows() -> dict[tuple[str, str], list[str]]:
    """Return who asks whom, with the files that do."""
    found: dict[tuple[str, str], set[str]] = defaultdict(set)
    for file in files():
        if file.endswith(".py"):
            asked = imported(file)
        elif file.endswith(".yml") and file.startswith(_ANSIBLE):
            asked = named(file)
        else:
            continue
        source = room_of(file)
        for other in asked:
            target = room_of(other)
            if source and target and source != target:
                found[source, target].add(file)
    return {arrow: sorted(by) for arrow, by in found.items()}


def folders(file: str) -> Iterator[str]:
    """Yield the folders of a file that have rows of their own."""
    first, *more = file.split("/")[:-1] or [""]
    if first and first != "plugins":  # which is no room, but a house of them
        yield f"{first}/"
    if more and first in _PACKAGES:
        yield f"{first}/{more[0]}/"


def test_each_folder_and_each_package_has_a_row_on_the_page() -> None:
    homeless = {folder for file in files() for folder in folders(file)} - rooms().keys()

    assert homeless == set()


def test_a_new_package_beside_the_others_needs_a_row() -> None:
    assert [*folders("custom_resources/new/deep/function.py")] == [
        "custom_resources/",
        "custom_resources/new/",
    ]
    assert [*folders("plugins/filter/new.py")] == ["plugins/filter/"]
    assert [*folders("docs/permissions/new.json")] == ["docs/"]
    assert [*folders("README.md")] == []


def test_imports_within_a_package_are_seen() -> None:
    text = "from . import a\nfrom .b import c\nfrom .. import d\nfrom ..e.f import g\nimport h.i\n"
    assert [*modules("one/two/three.py", text)] == [
        *("one.two.a", "one.two.b.c", "one.d", "one.e.f.g", "h.i")
    ]
    beside = "custom_resources/contract/names.py"
    assert any(beside in {*imported(it)} for it in files() if it.startswith(_CONTRACT))


def test_what_functions_and_plugins_both_know_imports_nothing_but_pythons_own() -> None:
    known = [it for it in files() if it.startswith(_CONTRACT) and it.endswith(".py")]
    asked = {
        f"{file} imports {name}"
        for file in known
        for name in modules(file, (ROOT / file).read_text())
        if not name.startswith(_CONTRACT.replace("/", "."))
        and name.split(".")[0] not in sys.stdlib_module_names
    }

    assert len(known) > 2
    assert asked == set()


@pytest.mark.parametrize("room", sorted(rooms()))
def test_each_room_of_the_page_is_there(room: str) -> None:
    assert any(file.startswith(room) for file in files()), f"{PAGE.name} has a room {room}"


def test_what_a_room_asks_is_there() -> None:
    lost = {
        f"{file} names {other}"
        for file in files()
        if file.endswith(".yml") and file.startswith(_ANSIBLE)
        for other in named(file)
        if other not in files()
    }

    assert lost == set()


def test_no_room_asks_one_that_the_page_does_not_name() -> None:
    secret = {
        f"{source} asks {target}": by
        for (source, target), by in arrows().items()
        if target not in rooms()[source].may_ask
    }

    assert secret == {}


def test_each_arrow_of_the_page_is_used() -> None:
    by_name = [room for room in rooms().values() if room.path != "tests/"]  # which knows all
    said = {(room.path, other) for room in by_name for other in room.may_ask}

    assert said - arrows().keys() == set()


def test_every_arrow_points_down() -> None:
    up = {
        f"{room.path} asks {other}"
        for room in rooms().values()
        for other in room.may_ask
        if rooms()[other].floor >= room.floor
    }

    assert up == set()


def test_each_page_is_linked_from_another() -> None:
    pages = [file for file in files() if file.endswith(".md")]
    linked = {
        (ROOT / page).parent.joinpath(target).resolve()
        for page in pages
        for target in re.findall(r"\]\(([^)#\s]+)", (ROOT / page).read_text())
        if (ROOT / page).parent.joinpath(target).resolve() != ROOT / page
    }

    written = [page for page in pages if page.startswith("docs/")]
    assert len(written) > 5
    assert [page for page in written if ROOT / page not in linked] == []
