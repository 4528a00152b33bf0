"""What the tests of the collection share: programs of the virtual environment, and git's list."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
PLACE = Path("ansible_collections/quayside/fargate")


def galaxy() -> dict[str, Any]:
    """What galaxy.yml says."""
    said: dict[str, Any] = yaml.safe_load((ROOT / "galaxy.yml").read_text())
    return said


def start(
    command: str, *arguments: str | Path, cwd: Path, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run a program of the virtual environment; its output is one stream.

    Args:
        command: its name.
        arguments: of the program.
        cwd: folder to run it in.
        environment: laid over this process's, of which settings of Ansible and AWS are left out.
    """
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("ANSIBLE_", "AWS_"))
    }
    path = f"{BIN}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        [BIN / command, *arguments],
        cwd=cwd,
        env={**kept, "PATH": path, "NO_COLOR": "1", **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


def run(command: str, *arguments: str | Path, cwd: Path, **environment: str) -> str:
    """Run a program that must succeed; return its output."""
    done = start(command, *arguments, cwd=cwd, **environment)
    assert done.returncode == 0, done.stdout
    return done.stdout


def tracked(*paths: str) -> set[str]:
    """Files of the repository (below some paths), as git would take them."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *paths],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return {name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()}
