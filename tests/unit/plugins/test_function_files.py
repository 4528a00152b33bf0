"""Where the functions' zips are."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ansible_collections.quayside.fargate.plugins.plugin_utils.errors import StackError
from ansible_collections.quayside.fargate.plugins.plugin_utils.function_files import files


def test_each_function_has_the_file_that_the_manifest_names(tmp_path: Path) -> None:
    folder = tmp_path / "python3.13-arm64"
    folder.mkdir()
    built = {"rotate": {"file": "postgres-1.zip"}, "database": {"file": "postgres-1.zip"}}
    (folder / "manifest.json").write_text(json.dumps(built))
    found = files(tmp_path, "python3.13", "arm64", "support")
    assert found == dict.fromkeys(built, str(folder / "postgres-1.zip"))


def test_functions_that_are_not_built_for_it_are_refused_with_the_command(tmp_path: Path) -> None:
    with pytest.raises(StackError) as error:
        files(tmp_path, "python3.14", "x86_64", "rotation")
    said = str(error.value)
    missing = tmp_path / "python3.14-x86_64" / "manifest.json"
    assert said.startswith(f"rotation_functions_directory: {missing} isn't there. Name what ")
    assert "rotation_function_runtime and rotation_function_architecture" in said
    root = Path(__file__).resolve().parents[3]
    command = "custom_resources.build --runtime python3.14 --architecture x86_64"
    assert said.endswith(f"cd {root} && python3 -m {command}")
