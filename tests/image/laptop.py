"""The deploy image as README.md tells who has nothing but Docker to use it."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
_IMAGE = "quayside/fargate:dev"


def play(
    image: str,
    playbook: str,
    variables: Mapping[str, Any],
    *,
    workspace: Path,
    environment: Mapping[str, str],
    options: Sequence[str] = (),
) -> str:
    """Run README.md's command for a playbook; it must succeed.

    Args:
        image: name of the image, in place of README.md's.
        playbook: the one that README.md's command names.
        variables: for the playbook.
        workspace: the user's working directory.
        environment: how the local AWS is reached, and the user's credentials.
        options: more of `docker run`'s; it is in the host's network, where the local AWS is.
    Returns:
        what the playbook printed.
    """
    added = shlex.join(["--network", "host", "-e", "AWS_ENDPOINT_URL", *options])
    command = _command(playbook).replace("docker run", f"docker run {added}", 1)
    command = command.replace(_IMAGE, image) + f" -e {shlex.quote(json.dumps(variables))}"
    answer = subprocess.run(
        ["sh", "-c", command],
        cwd=workspace,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert answer.returncode == 0, f"{command}\n{answer.stdout}"
    return answer.stdout


def _command(playbook: str) -> str:
    """Return the command in README.md that runs a playbook in a container."""
    commands = re.findall(r"^\$ (docker run (?:.*\\\n)*.*)$", readme(), re.MULTILINE)
    (command,) = [found for found in commands if f"ansible-playbook {playbook}" in found]
    return str(command)


def readme() -> str:
    """Return README.md."""
    return (ROOT / "README.md").read_text()
