"""What `make up` tells to type next, and README's first hour, are the same."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

from examples import up

ROOT = Path(__file__).parents[3]
README = (ROOT / "README.md").read_text()


def test_make_up_tells_the_commands_of_the_readme_in_their_order() -> None:
    told = up.NEXT.format(endpoint="http://127.0.0.1:4566", variables=up.VARIABLES)
    commands = re.findall(r"^  (.+)$", told, re.MULTILINE)
    shown = re.findall(r"^\$ (.+)$", README.partition("\n## The first hour\n")[2], re.MULTILINE)

    assert len(commands) > 5
    assert [command for command in dict.fromkeys(shown) if command in commands] == commands


def test_the_playbook_in_the_readme_is_that_of_the_folder_which_it_copies() -> None:
    (shown,) = re.findall(
        r"^```yaml\n# deploy.yml\n(- name: Deploy hello.*?)^```", README, re.S | re.M
    )
    assert yaml.safe_load(shown) == yaml.safe_load((ROOT / "examples/hello/deploy.yml").read_text())
