"""A template's version: deployed alone, never taken back unasked, and held against other stacks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.integration.plugins.support import TEMPLATES, Playbooks

QUIET = {"ANSIBLE_VERBOSITY": "0"}  # as users have it


def versioned(folder: Path, version: str) -> str:
    """Return a copy of the template queue.yml that tells a version."""
    text = (TEMPLATES / "queue.yml").read_text()
    path = folder / f"queue-{version}.yml"
    path.write_text(f"{text}  Version:\n    Value: {version}\n")
    return str(path)


def test_another_version_alone_is_shown_deployed_and_then_no_change(
    playbooks: Playbooks, name: str, cloudformation: Any, tmp_path: Path
) -> None:
    playbooks.stack(name=name, template=versioned(tmp_path, "1.1.0"))
    quiet = playbooks.with_environment(**QUIET)
    shown = quiet.stack("--check", name=name, template=versioned(tmp_path, "1.2.0"))
    assert f"stack {name} changes\n  output Version: 1.1.0 -> 1.2.0\n" in shown.output
    upgraded = playbooks.stack(name=name, template=versioned(tmp_path, "1.2.0"))
    assert upgraded.changed
    assert upgraded.result["changes"] == []
    assert upgraded.result["outputs"]["Version"] == "1.2.0"
    (stack,) = cloudformation.describe_stacks(StackName=name)["Stacks"]
    assert stack["StackStatus"] == "UPDATE_COMPLETE"
    assert not playbooks.stack(name=name, template=versioned(tmp_path, "1.2.0")).changed


def test_a_template_of_an_older_minor_version_takes_a_stack_back_only_if_it_is_meant(
    playbooks: Playbooks, name: str, tmp_path: Path
) -> None:
    older, newer = (versioned(tmp_path, it) for it in ("1.1.0", "1.2.0"))
    playbooks.stack(name=name, template=newer)
    refused = playbooks.stack(name=name, template=older).message
    assert "would go back from Quayside 1.2.0 to 1.1.0" in refused
    assert refused.endswith("if it is meant, write allow: [Version]")
    assert playbooks.stack(name=name, template=older, allow=["Version"]).changed


@pytest.fixture
def platform(playbooks: Playbooks, name: str, tmp_path: Path) -> str:
    """A stack that others take values from."""
    playbooks.stack(name=f"{name}-platform", template=versioned(tmp_path, "1.1.0"))
    return f"{name}-platform"


def test_a_template_of_a_newer_minor_version_is_refused_before_anything_is_made(
    playbooks: Playbooks, name: str, platform: str, tmp_path: Path, cloudformation: Any
) -> None:
    wanted = {"name": name, "template": versioned(tmp_path, "1.2.0"), "parameters_from": [platform]}
    refused = playbooks.stack(**wanted).message
    assert f"stack {platform}, which it takes values from, is from 1.1.0" in refused
    assert refused.endswith(f"Upgrade the platform first: deploy stack {platform} with 1.2.0.")
    stacks = cloudformation.describe_stacks()["Stacks"]
    assert name not in {stack["StackName"] for stack in stacks}
    checked = playbooks.stack("--check", **wanted)
    assert checked.changed
    assert checked.result["warnings"] == [refused]


def test_a_template_of_an_older_minor_version_takes_values_from_a_newer_stack(
    playbooks: Playbooks, name: str, platform: str, tmp_path: Path
) -> None:
    playbooks.stack(name=platform, template=versioned(tmp_path, "1.2.0"))
    older = versioned(tmp_path, "1.1.0")
    assert playbooks.stack(name=name, template=older, parameters_from=[platform]).changed
