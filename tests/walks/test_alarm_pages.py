"""Each command of docs/alarms is run as it stands there, on a platform with the service orders.

A block is one script: what a line of it sets, the next ones may use. What the local AWS doesn't
know stands in NOT_KNOWN, and is tried too: a row that works by now fails.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from local_aws.control import LocalAws
from tests.e2e.aws_cli import aws_cli
from tests.e2e.platform import ROOT, Platform

pytestmark = pytest.mark.timeout(1500)
PAGES = sorted((ROOT / "docs" / "alarms").glob("*.md"))
_BLOCK = re.compile(r"^```console\n(.*?)^```$", re.DOTALL | re.MULTILINE)
SECONDS = 120  # of a block
# Version 1 of the CLI asks a host of its own for SQS unless this option names one
# (awscli/customizations/overridesslcommonname.py); the environment doesn't count.
_AWS = 'aws() { command aws --endpoint-url "$AWS_ENDPOINT_URL" "$@"; }'

# What a line begins with -> why it isn't run here.
NOT_KNOWN: dict[str, str] = {
    "aws application-autoscaling describe-scaling-activities": (
        "the local AWS scales when it is asked to, and keeps no list of it"
    ),
}


@dataclass(frozen=True)
class Block:
    """The lines of a console block, without their prompts.

    page: its name; heading: what it stands below.
    """

    page: str
    heading: str
    lines: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.page}-{self.heading}"


def blocks(page: Path) -> Iterator[Block]:
    """Yield the console blocks of a page."""
    heading = page.stem
    for part in re.split(r"^(?=##? )", page.read_text(), flags=re.MULTILINE):
        if part.startswith("#"):
            heading = part.splitlines()[0].lstrip("# ")
        for found in _BLOCK.findall(part):
            lines = found.splitlines()
            assert all(it.startswith("$ ") for it in lines), lines
            yield Block(page.stem, heading, tuple(it.removeprefix("$ ") for it in lines))


BLOCKS = [block for page in PAGES for block in blocks(page)]


def is_known(line: str) -> bool:
    return not any(line.startswith(it) for it in NOT_KNOWN)


class Shell:
    """Where the pages' commands are typed."""

    def __init__(self, platform: Platform, folder: Path, image: str) -> None:
        (folder / "orders.yml").write_text(yaml.safe_dump(platform.service("orders", image)))
        ecs = platform.aws.client("ecs")
        (task, *_) = ecs.list_tasks(cluster="shop", serviceName="orders")["taskArns"]
        self._put = {
            "@orders.yml": f"@{folder / 'orders.yml'}",
            "3f2a9c1d": task.rpartition("/")[2],
        }
        path = [Path(aws_cli()).parent, Path(sys.executable).parent, os.environ["PATH"]]
        self._environment = {
            **os.environ,
            **platform.aws.environment,
            "PATH": ":".join(map(str, path)),
            "AWS_PAGER": "",
        }

    def type(self, lines: list[str]) -> subprocess.CompletedProcess[str]:
        """Run lines, until one fails."""
        script = "\n".join(["set -eo pipefail", _AWS, *lines])
        for name, value in self._put.items():
            script = script.replace(name, value)
        return subprocess.run(
            ["bash", "-c", script],
            cwd=ROOT,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=SECONDS,
            check=False,
        )


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    folder = tmp_path_factory.mktemp("pages")
    with LocalAws.start(folder / "aws") as aws:
        platform = Platform(aws)
        platform.deploy()
        image = aws.push_image(ROOT / "examples" / "orders", "orders:1")
        platform.play("playbooks/service.yml", **platform.service("orders", image))
        yield Shell(platform, folder, image)


@pytest.mark.parametrize("block", BLOCKS, ids=str)
def test_the_commands_of_a_page_work_as_they_stand_there(block: Block, shell: Shell) -> None:
    lines = [it for it in block.lines if is_known(it)]
    done = shell.type(lines)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("start", NOT_KNOWN)
def test_what_is_not_run_is_on_a_page_and_not_known_here(start: str, shell: Shell) -> None:
    (line, *_) = [it for block in BLOCKS for it in block.lines if it.startswith(start)]
    assert shell.type([line]).returncode != 0
