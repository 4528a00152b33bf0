"""What plugins and functions share is found wherever the collection is, without a checkout."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

PROGRAM = """
import importlib, pathlib, sys
from ansible.plugins.loader import init_plugin_loader
init_plugin_loader([sys.argv[1]])
import ansible_collections.quayside.fargate.plugins.plugin_utils as first
plugins = pathlib.Path(next(iter(first.__path__))).parent
for path in sorted(plugins.rglob("*.py")):
    parts = path.relative_to(plugins).with_suffix("").parts
    importlib.import_module(".".join([first.__name__.rpartition(".")[0], *parts]))
ours = ("ansible_collections.quayside.fargate", "custom_resources", "local_aws")
print(*(module.__file__ for name, module in sys.modules.items() if name.startswith(ours)
        and getattr(module, "__file__", None)), sep="\\n")
"""


def test_every_plugin_imports_from_the_installed_collection_alone(
    installed: Path, tmp_path: Path
) -> None:
    collections = installed.parents[2]
    command = [sys.executable, "-c", PROGRAM, str(collections)]
    done = subprocess.run(
        command,
        cwd=tmp_path,
        env={"HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    imported = [Path(line) for line in done.stdout.split()]
    assert {installed / "custom_resources" / "contract" / "names.py"} <= set(imported)
    assert all(path.is_relative_to(installed) for path in imported), imported
