"""Running a zip as Lambda does: its runtime's Python, with nothing beside it but boto3."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import boto3

HANDLERS = {
    "password": "custom_resources.password.function.handler",
    "database": "custom_resources.database.function.handler",
    "listener-priority": "custom_resources.listener_priority.function.handler",
    "rotate": "custom_resources.rotation.rotate.function.handler",
    "notices": "custom_resources.notices.function.handler",
    "activate": "custom_resources.rotation.activate.function.handler",
}
# What Lambda's Python runtimes have: boto3 and what it needs.
_RUNTIME_PACKAGES = (
    *("boto3", "botocore", "s3transfer", "jmespath", "dateutil", "six.py", "urllib3"),
)


class NoInterpreterError(Exception):
    """This machine has no Python of a runtime's version."""


def interpreter(runtime: str) -> str:
    """A Python of a runtime's version: the running one, pyenv's, or the one on the path.

    Args:
        runtime: such as `python3.13`.
    Raises:
        NoInterpreterError: there is none.
    """
    if runtime == f"python{sys.version_info.major}.{sys.version_info.minor}":
        return sys.executable
    version = runtime.removeprefix("python")
    pyenv = sorted(map(str, Path.home().glob(f".pyenv/versions/{version}.*/bin/{runtime}")))
    for candidate in [*pyenv, shutil.which(runtime)]:
        # pyenv puts a name on the path for versions that are not chosen: only one that runs counts.
        if candidate and _runs(candidate):
            return candidate
    raise NoInterpreterError(f"no {runtime} on this machine")


def _runs(python: str) -> bool:
    answer = subprocess.run([python, "-V"], check=False, capture_output=True)
    return answer.returncode == 0


@dataclass(frozen=True)
class Isolated:
    """An unpacked zip and what is needed to run it.

    Args:
        folder: holds the zip's files in `task` and boto3 in `runtime`.
        python: the interpreter.
    """

    folder: Path
    python: str

    def run(self, program: str) -> None:
        """Run a program that sees the zip and boto3, and nothing else.

        Raises:
            subprocess.CalledProcessError: it failed.
        """
        environment = {
            "PYTHONPATH": f"{self.folder}/task:{self.folder}/runtime",
            # Lambda has boto3 compiled and can't write beside our code: so neither does this.
            "PYTHONPYCACHEPREFIX": str(Path(tempfile.gettempdir()) / "quayside-boto3-bytecode"),
            "AWS_REGION": "eu-central-1",
        }
        command = [self.python, "-S", "-c", program]
        subprocess.run(command, check=True, env=environment, cwd=self.folder)


@contextmanager
def isolated(path: Path, runtime: str) -> Iterator[Isolated]:
    """Unpack a zip for a while.

    Args:
        path: of the zip.
        runtime: whose Python is to run it.
    Raises:
        NoInterpreterError: there is none.
    """
    python = interpreter(runtime)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        (folder / "runtime").mkdir()
        with zipfile.ZipFile(path) as archive:
            archive.extractall(folder / "task")
        for package in _RUNTIME_PACKAGES:
            (folder / "runtime" / package).symlink_to(Path(boto3.__file__).parents[1] / package)
        yield Isolated(folder, python)
