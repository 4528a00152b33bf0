"""What the tests ask the command `docker`."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from typing import Any

# What a strict cluster allows a container: nothing but to write below /tmp.
HARDENED = (
    *("--read-only", "--tmpfs", "/tmp"),
    *("--cap-drop", "ALL", "--security-opt", "no-new-privileges"),
)


def docker(*words: str, environment: Mapping[str, str] | None = None) -> str:
    """Run `docker` with these words; it must succeed. Returns what it prints.

    Args:
        words: the command line after `docker`.
        environment: of the command itself, in place of this process's own.
    """
    command = ["docker", *words]
    answer = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert answer.returncode == 0, f"{' '.join(words)}\n{answer.stdout}{answer.stderr}"
    return answer.stdout


def run(image: str, *command: str, options: Sequence[str] = ()) -> str:
    """Run a command in a new container without rights and without a network.

    Args:
        image: name of the image.
        command: program and arguments.
        options: more of `docker run`'s.
    Returns:
        what it prints.
    """
    limits = (*HARDENED, "--network", "none", "--user", "4711:4712")
    return docker("run", "--rm", *limits, *options, image, *command)


def inspect(image: str) -> dict[str, Any]:
    """Return what the engine knows of an image."""
    (description,) = json.loads(docker("image", "inspect", image))
    return dict(description)
