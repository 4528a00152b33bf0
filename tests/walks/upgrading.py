"""Two collections side by side: the last release, and the working tree made one version newer."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

from local_aws.control import LocalAws
from release import changelog, version
from tests.e2e.platform import DEPLOYER, ROOT, Platform

HEAD = "HEAD"
FIRST = (1, 1, 0)  # whose stacks say their version
# Columns of the table in docs/upgrading.md.
OLD_PLATFORM = "new collection on old platform"
NEW_PLATFORM = "old collection on new platform"
THERE_IS_NONE = "there is none"
# Where the text of a template's or an alarm's description begins.
_DESCRIPTION = re.compile(r'(?m)^(?:| +Alarm)Description: (?:!Sub )?(?:"|>-\n +)?')


@dataclass(frozen=True)
class Collection:
    """A checkout that playbooks run from.

    folder: where it lies; ref: of git, or what else it was made from.
    """

    folder: Path
    ref: str

    @cached_property
    def version(self) -> str:
        """Its version."""
        return version.current(self.folder)

    @cached_property
    def platform_variables(self) -> dict[str, Any]:
        """What its own playbooks/platform.yml needs to be told here; its functions are built."""
        code = "import json; from tests.e2e.platform import platform_variables as it; "
        done = subprocess.run(
            [sys.executable, "-c", f"{code}print(json.dumps(it()))"],
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=True,
        )
        told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return told

    @property
    def zips(self) -> dict[str, str]:
        """SHA-256 of the functions' zips, by name."""
        folder = Path(self.platform_variables["support_functions_directory"])
        (manifest,) = folder.glob("*/manifest.json")
        return {name: str(it["sha256"]) for name, it in json.loads(manifest.read_text()).items()}


def last_release() -> str:
    """Return the newest tag v* that HEAD comes from; see `chosen` for where there is none."""
    asked = subprocess.run(
        ["git", "describe", "--tags", "--abbrev=0", "--match", "v*"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    shallow = subprocess.run(
        ["git", "rev-parse", "--is-shallow-repository"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    is_shallow = shallow.stdout.strip() == "true"
    return chosen(asked.stdout.strip(), changelog.released(ROOT), is_shallow)


def chosen(tag: str, released: Iterable[str], shallow: bool) -> str:
    """Return what the upgrade begins with: the tag, or HEAD while no release can be upgraded.

    Without a tag the test that asks fails as soon as there is such a release; in a shallow clone,
    which has no tags, it is skipped.

    Args:
        tag: the newest one, empty if there is none.
        released: the versions that the changelog has.
        shallow: whether the clone is.
    """
    newest = max(
        (it for it in released if version.numbers(it) >= FIRST), key=version.numbers, default=""
    )
    if tag or not newest:
        return tag or HEAD
    lacking = f"{newest} is released, and no tag v* is reachable: there is nothing to upgrade from."
    if shallow:
        pytest.skip(f"{lacking} The clone is shallow: git fetch --unshallow --tags.")
    pytest.fail(f"{lacking} Fetch it (git fetch --tags), or give it (python -m release tag).")


def page_table(page: str) -> dict[str, dict[str, str]]:
    """Return what docs/upgrading.md says works: by pair of collection and platform, by deed.

    An outcome is a cell's first words; what can't happen (THERE_IS_NONE) is left out.

    Args:
        page: its text.
    """
    table: dict[str, dict[str, str]] = {OLD_PLATFORM: {}, NEW_PLATFORM: {}}
    _, _, rows = page.partition("## What works with what")[2].partition("|---|---|---|\n")
    for row in rows.partition("\n\n")[0].splitlines():
        deed, *cells = (it.strip() for it in row.strip("|").split("|"))
        for pair, cell in zip(table, cells, strict=True):
            outcome = re.split("[,:;]", cell)[0]
            if outcome != THERE_IS_NONE:
                table[pair][deed.partition(" (")[0].strip("`")] = outcome
    return table


def sums(counted: Iterable[Mapping[str, int]]) -> dict[str, int]:
    """Return requests, logins and what failed of them, of all services.

    Args:
        counted: what `nobody_is_denied` yielded for each; nothing if it didn't come that far.
    """
    services = [*counted]
    names = ("requests", "requests_lost", "logins", "logins_denied")
    return {name: sum(it.get(name, 0) for it in services) for name in names}


def exported(folder: Path) -> Collection:
    """Return the last release, as git has it.

    Args:
        folder: a new one for it.
    """
    ref = last_release()
    packed = subprocess.run(["git", "archive", ref], cwd=ROOT, capture_output=True, check=True)
    with tarfile.open(fileobj=io.BytesIO(packed.stdout)) as archive:
        archive.extractall(folder, filter="tar")
    return Collection(folder, ref)


def next_one(folder: Path, after: Collection) -> Collection:
    """Return the working tree as its next minor version, with a harmless change in each template
    and function.

    Args:
        folder: a new one for it.
        after: what it must be newer than.
    """
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listed, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, names.split("\0")):
        source, copy = ROOT / name, folder / name
        if source.is_symlink() or source.is_file():
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, copy, follow_symlinks=False)
    newest = max(version.numbers(version.current(folder)), version.numbers(after.version))
    _change(folder, f"{newest[0]}.{newest[1] + 1}.0")
    return Collection(folder, "the working tree, changed")


def _change(folder: Path, new: str) -> None:
    """Write a version, and change what harms nobody in every template, alarm and function."""
    galaxy = folder / "galaxy.yml"
    galaxy.write_text(re.sub(r"(?m)^version: .*$", f"version: {new}", galaxy.read_text()))
    version.write(folder)
    for path in (folder / "templates").glob("*.yml"):
        text = path.read_text()
        changed = _DESCRIPTION.sub(r"\g<0>(next) ", text)
        assert changed != text, f"{path} has no description"
        path.write_text(changed)
    functions = [*(folder / "custom_resources").rglob("function.py")]
    assert functions
    for path in functions:
        path.write_text(f"{path.read_text()}\n# The next version.\n")


class Upgraded(Platform):
    """A platform whose playbooks run from one collection or another.

    Attributes:
        using: the one that the next playbook is from.
    """

    def __init__(self, aws: LocalAws, using: Collection) -> None:
        super().__init__(aws)
        self.using = using

    def start_playbook(
        self, playbook: str, *options: str, deployer: Any = None, **variables: Any
    ) -> subprocess.Popen[str]:
        """Start a playbook of the collection in use; see `Platform.start_playbook`."""
        kind = DEPLOYER.get(playbook, "platform")
        program = Path(sys.executable).parent / "ansible-playbook"
        return subprocess.Popen(
            [program, playbook, *options, "-e", json.dumps(variables)],
            cwd=self.using.folder,
            env={
                **os.environ,
                **self.aws.environment,
                **(deployer or self._deployers[kind]),
                "ANSIBLE_NOCOLOR": "1",
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def deploy(self) -> str:
        """Deploy the platform with the collection in use; return what was printed."""
        variables = self.using.platform_variables
        return self.play("playbooks/platform.yml", platform=self.name, **variables)

    def versions(self) -> dict[str, str]:
        """Return the version of each stack, by its name."""
        pages = self.aws.client("cloudformation").get_paginator("describe_stacks").paginate()
        return {
            stack["StackName"]: next(
                (
                    it["OutputValue"]
                    for it in stack.get("Outputs", [])
                    if it["OutputKey"] == "Version"
                ),
                "",
            )
            for page in pages
            for stack in page["Stacks"]
        }

    def resources(self) -> dict[tuple[str, str], str]:
        """Return the physical ids of all resources, by stack and logical id."""
        cloudformation = self.aws.client("cloudformation")
        found = {}
        for stack in self.stack_names():
            pages = cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack)
            for it in (it for page in pages for it in page["StackResourceSummaries"]):
                found[stack, it["LogicalResourceId"]] = it["PhysicalResourceId"]
        return found

    def change_sets(self, stack: str) -> dict[str, list[dict[str, Any]]]:
        """Return the changes of each executed change set of a stack, by its ARN."""
        cloudformation = self.aws.client("cloudformation")
        made = cloudformation.list_change_sets(StackName=stack)["Summaries"]
        done = [it["ChangeSetId"] for it in made if it["ExecutionStatus"] == "EXECUTE_COMPLETE"]
        return {
            arn: [
                it["ResourceChange"]
                for it in cloudformation.describe_change_set(ChangeSetName=arn)["Changes"]
            ]
            for arn in done
        }

    def events(self, stack: str) -> int:
        """Return how many events a stack has had."""
        cloudformation = self.aws.client("cloudformation")
        pages = cloudformation.get_paginator("describe_stack_events").paginate(StackName=stack)
        return sum(len(page["StackEvents"]) for page in pages)
