"""A Docker engine for the tests: the one that runs, or else one of their own."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_START_TIMEOUT = 60  # seconds


class NoEngineError(Exception):
    """No Docker engine can be had; says why."""


@contextmanager
def engine(log: Path) -> Iterator[None]:
    """Have a Docker engine that the command `docker` reaches.

    One that runs is used and left running. Otherwise root installs what is missing and starts one,
    and at the end that one alone is stopped.

    Args:
        log: file for the words of an engine started here.
    Raises:
        NoEngineError: none runs, and none can be started.
    """
    if not (refusal := _refusal()):
        yield
        return
    if host := os.environ.get("DOCKER_HOST"):
        raise NoEngineError(f"the engine that DOCKER_HOST names, {host}, can't be used: {refusal}")
    if os.geteuid() != 0:
        raise NoEngineError(f"only root can install and start Docker, and {refusal}")
    need("docker", "docker.io")
    need("dockerd", "docker.io")
    if not _refusal():  # where there is an init system, the package starts its engine
        yield
        return
    with log.open("wb") as output:
        process = subprocess.Popen(["dockerd"], stdout=output, stderr=subprocess.STDOUT)
    try:
        _wait(process, log)
        yield
    finally:
        process.terminate()
        process.wait()


def need(program: str, package: str) -> None:
    """Install a program if it is missing.

    Args:
        program: name of the command.
        package: Debian's name of the package that brings it.
    Raises:
        NoEngineError: it can't be installed here.
    """
    if shutil.which(program):
        return
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise NoEngineError(f"{program} is not installed, and there is no apt-get that root runs")
    for words in ("update", "--quiet"), ("install", "--quiet", "--yes", package):
        answer = subprocess.run(
            ["apt-get", *words],
            env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if answer.returncode:
            raise NoEngineError(f"apt-get can't install {package}: {answer.stderr.strip()}")


def _refusal() -> str:
    """Say why the command `docker` reaches no engine; empty if it does."""
    try:
        command = ["docker", "info", "--format", "{{.ServerVersion}}"]
        answer = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return "docker is not installed"
    return answer.stderr.strip() or "docker info failed" if answer.returncode else ""


def _wait(process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _START_TIMEOUT
    while _refusal():
        if process.poll() is not None or time.monotonic() > deadline:
            words = log.read_text().splitlines()
            raise NoEngineError(f"dockerd doesn't start: {words[-1] if words else 'no word'}")
        time.sleep(0.2)
