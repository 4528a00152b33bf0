"""ansible-test sanity, on a copy where ansible-test wants a collection to be."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import pytest
from ansible import release
from ansible_test._internal import python_requirements

from tests.collection.tools import PLACE, PYTHON, ROOT, run, start

HOME = ROOT / "build" / "sanity"
IGNORED = ROOT / "tests" / "sanity"
# ansible-test would fetch a get-pip.py from a site of its own into its cache, and with it another
# pip; the one that Python brings does as well.
GET_PIP = "import ensurepip; ensurepip.bootstrap()\n"
# Tests for what this collection has none of.
NOT_APPLICABLE = {"empty-init", "pslint", "shellcheck"}


@dataclass(frozen=True)
class Sanity:
    """A copy of the collection with its list of what is ignored."""

    folder: Path

    def test(self, *options: str) -> subprocess.CompletedProcess[str]:
        """Run ansible-test sanity for the Python at hand."""
        return start(
            "ansible-test",
            "sanity",
            f"--python={PYTHON}",
            "--color=no",
            "-v",
            *options,
            cwd=self.folder,
            HOME=str(HOME),
        )


@pytest.fixture(scope="module")
def sanity(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sanity]:
    """A fresh copy; ansible-test's own virtual environments stay from run to run."""
    folder = tmp_path_factory.mktemp("sanity") / PLACE
    shutil.copytree(installed, folder)
    shutil.copytree(IGNORED, folder / "tests" / "sanity")
    version = python_requirements.get_venv_packages(SimpleNamespace(version=PYTHON))["pip"]
    cache = HOME / ".ansible" / "test" / "cache"
    cache.mkdir(parents=True, exist_ok=True)
    (cache / f"get_pip_{version.replace('.', '_')}.py").write_text(GET_PIP)
    settings = HOME / ".config" / "pip" / "pip.conf"
    settings.parent.mkdir(parents=True, exist_ok=True)
    settings.touch(mode=0o600)
    settings.write_text(pip_settings())
    yield Sanity(folder)
    settings.unlink()


def pip_settings() -> str:
    """How pip is set up here, as a configuration file: ansible-test hides files and variables."""
    listed = run("pip", "config", "list", cwd=ROOT)
    found = dict(re.findall(r"^(?:global|install|:env:)\.([\w-]+)='(.*)'$", listed, re.M))
    lines = [f"{name} = {value.replace(chr(92) + 'n', ' ')}" for name, value in found.items()]
    return "\n".join(["[global]", *lines, ""])


@pytest.mark.walk
@pytest.mark.timeout(900)  # ansible-test makes eight virtual environments the first time
def test_every_test_that_applies_passes(sanity: Sanity) -> None:
    done = sanity.test()
    assert done.returncode == 0, done.stdout
    told = re.findall(
        r'^Running sanity test "([\w-]+)".*\n(No tests applicable)?', done.stdout, re.M
    )
    ran = {name for name, applies_not in told if not applies_not}
    assert {name for name, applies_not in told if applies_not} <= NOT_APPLICABLE
    assert {"compile", "import", "pylint", "validate-modules", "yamllint"} <= ran
    print(f"{len(ran)} sanity tests ran: {', '.join(sorted(ran))}")


@pytest.mark.walk
def test_an_option_without_a_description_is_found(sanity: Sanity) -> None:
    module = sanity.folder / "plugins" / "modules" / "status.py"
    sound = module.read_text()
    try:
        module.write_text(sound.replace("    description: Name of the platform.\n", "", 1))
        done = sanity.test("--test=validate-modules", "plugins/modules/status.py")
    finally:
        module.write_text(sound)
    assert done.returncode != 0
    assert "DOCUMENTATION.options.platform.description" in done.stdout


def test_what_is_ignored_is_the_same_for_every_ansible_and_has_its_reason() -> None:
    files = sorted(IGNORED.glob("ignore-*.txt"))
    assert f"ignore-{'.'.join(release.__version__.split('.')[:2])}.txt" in {it.name for it in files}
    assert len({it.read_text() for it in files}) == 1
    for line in files[0].read_text().splitlines():
        assert re.fullmatch(r"\S+ [\w-]+:[\w-]+ # .{15,}", line), line


@pytest.mark.parametrize("file", sorted(IGNORED.glob("ignore-*.txt")), ids=lambda it: it.stem)
def test_whatever_documents_itself_is_said_to_have_the_collections_license(file: Path) -> None:
    """validate-modules wants the GPL's header of each, which only the walk would tell."""
    named = re.findall(r"^(\S+) validate-modules:missing-gplv3-license ", file.read_text(), re.M)
    kinds = ("callback", "lookup", "modules")
    plugins = [it for kind in kinds for it in (ROOT / "plugins" / kind).glob("[!_]*.py")]
    assert sorted(named) == sorted(str(it.relative_to(ROOT)) for it in plugins)
