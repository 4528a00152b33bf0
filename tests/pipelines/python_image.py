"""A stand-in for python:3.13-slim whose pip finds what the example needs without a network.

Docker can't see the user's package index, and should not; so the wheels are in the image.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

from custom_resources.build import Target
from tests.e2e.platform import ARCHITECTURE, ROOT

NAME = "quayside/pipelines-python"
_ORDERS = ROOT / "examples" / "orders"
_LISTS = (_ORDERS / "requirements.txt", _ORDERS / "requirements-test.txt")
_DOCKERFILE = """\
ARG BASE_IMAGE
FROM ${BASE_IMAGE}
RUN command -v pip || { pip=$(ls /usr/share/python-wheels/pip-*.whl) \
    && python "$pip/pip" install --quiet --no-index --break-system-packages "$pip"; }
COPY . /wheels
ENV PIP_NO_INDEX=1 PIP_FIND_LINKS=/wheels PIP_BREAK_SYSTEM_PACKAGES=1 PIP_NO_COMPILE=1
"""


def build(base: str) -> str:
    """Build it on a base image, and return its name.

    Raises:
        subprocess.CalledProcessError: pip can't download the wheels, or Docker can't build.
    """
    wheels = _wheels()
    (wheels / "Dockerfile").write_text(_DOCKERFILE)
    options = ["--network", "none", "--build-arg", f"BASE_IMAGE={base}", "--tag", NAME]
    subprocess.run(["docker", "build", "--quiet", *options, str(wheels)], check=True)
    return NAME


def _wheels() -> Path:
    content = b"".join(path.read_bytes() for path in _LISTS)
    folder = ROOT / "build" / "pipelines" / hashlib.sha256(content).hexdigest()[:12]
    if not folder.exists():
        draft = folder.with_suffix(".draft")
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
        # The tests' PostgreSQL is built for a newer C library than Lambda's.
        newer = ["--platform", f"manylinux_2_34_{os.uname().machine}"]
        target = Target("python3.13", ARCHITECTURE).pip_options + newer
        lists = [word for path in _LISTS for word in ("--requirement", str(path))]
        options = ["--require-hashes", *target, "--dest", str(draft)]
        subprocess.run([*command, *options, *lists], check=True)
        draft.rename(folder)
    return folder
