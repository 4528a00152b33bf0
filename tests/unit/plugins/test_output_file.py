"""A file that people name for an answer."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.quayside.fargate.plugins.plugin_utils.errors import StackError
from ansible_collections.quayside.fargate.plugins.plugin_utils.output_file import write


def test_a_relative_name_is_below_the_folder_of_the_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PWD", str(tmp_path))
    assert write("status.json", "{}\n", check=False) is True
    assert (tmp_path / "status.json").read_text() == "{}\n"
    assert write("status.json", "{}\n", check=False) is False


def test_a_check_writes_nothing(tmp_path: Path) -> None:
    assert write(str(tmp_path / "status.json"), "{}", check=True) is True
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_can_not_be_written_is_a_sentence(tmp_path: Path) -> None:
    missing = tmp_path / "nowhere" / "status.json"
    with pytest.raises(StackError) as error:
        write(str(missing), "{}", check=False)
    assert str(error.value) == (
        f"The file {missing} can't be written: No such file or directory. Give another with -e "
        "output=FILE."
    )
