"""The list of hooks is what the mends really use."""

from __future__ import annotations

import ast
from collections import defaultdict
from pathlib import Path

import pytest

from local_aws import versions
from local_aws.errors import LocalAwsError
from local_aws.hooks import HOOKS
from local_aws.mends import mends
from local_aws.places import ALIASES
from tests.unit.local_aws.shuffled import wished

FOLDER = Path(versions.__file__).parent


def imported(tree: ast.AST) -> dict[str, tuple[str, str]]:
    """Return module and name by local name, of what is imported from ministack."""
    return {
        alias.asname or alias.name: (node.module.removeprefix("ministack").lstrip("."), alias.name)
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("ministack")
        for alias in node.names
    }


def used_hooks(directory: Path) -> dict[str, set[str]]:
    used: dict[str, set[str]] = defaultdict(set)
    for path in FOLDER.rglob("*.py"):
        tree = ast.parse(path.read_text())
        names = imported(tree)
        for module, name in names.values():
            if name.startswith("_") or module in ("core.responses", "core.concurrency"):
                used[module].add(name)
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                module, name = names.get(node.value.id, ("", "_"))
                if not name.startswith("_") and module not in ("core.responses",):
                    used[f"{module}.{name}".lstrip(".")].add(node.attr)
    for place in [*wished(directory, list(mends())).places(), *ALIASES]:
        used[place.module].add(place.name)
    return dict(used)


def test_every_name_that_a_mend_uses_is_listed_and_no_other(tmp_path: Path) -> None:
    assert {module: set(names) for module, names in HOOKS.items()} == used_hooks(tmp_path)


def test_the_installed_ministack_has_every_hook() -> None:
    versions.check_hooks()
    versions.check_versions()


def test_a_missing_hook_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(HOOKS, "services.ecs", ("_tasks", "_gone"))
    with pytest.raises(LocalAwsError, match=r"no longer has services\.ecs\._gone,"):
        versions.check_hooks()


def test_a_missing_module_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(HOOKS, "services.gone", ("anything",))
    with pytest.raises(LocalAwsError, match=r"no longer has services\.gone,"):
        versions.check_hooks()


@pytest.mark.parametrize("package", ["ministack", "a-package-nobody-has"])
def test_another_version_says_which_one_to_install(
    monkeypatch: pytest.MonkeyPatch, package: str
) -> None:
    monkeypatch.setitem(versions.PINS, package, "0.0.1")
    with pytest.raises(LocalAwsError, match=rf"pip install {package}==0\.0\.1"):
        versions.check_versions()
