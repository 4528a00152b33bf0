"""A Jenkins node whose steps run on this machine, in a folder."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from pathlib import Path

from tests.pipelines.jenkins import AbortedError, ScriptError, StepError


class Machine:
    """A node without Docker."""

    def __init__(self, folder: Path, source: Path | None = None) -> None:
        """Use a folder for the workspace and what is archived.

        Args:
            folder: empty.
            source: what a checkout brings; nothing if None.
        """
        self.workspace = folder / "workspace"
        self.archived = folder / "archive"
        self._source = source
        self.variables = {"PATH": os.environ["PATH"], "HOME": str(folder)}

    def check_out(self) -> dict[str, str]:
        """Copy the source into the workspace, as the plugin git would bring it."""
        self.workspace.mkdir(parents=True)
        if self._source:
            shutil.copytree(self._source, self.workspace, dirs_exist_ok=True)
        return {"GIT_COMMIT": COMMIT, "WORKSPACE": str(self.workspace)}

    def start(self, image: str, args: str, environment: Mapping[str, str]) -> None:
        """Refuse."""
        del environment
        raise StepError(f"docker run {args} {image}: this node has no Docker.")

    def stop(self) -> None:
        """Do nothing: no container was started."""

    def sh(self, script: str, environment: Mapping[str, str], seconds: float | None) -> str:
        """Run a script with `sh -xe`, as Jenkins does."""
        process = subprocess.Popen(
            ["sh", "-xec", script],
            cwd=self.workspace,
            env={**self.variables, **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        try:
            output, _ = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGTERM)
            process.communicate()
            raise AbortedError("Timeout has been exceeded") from None
        if process.returncode:
            raise ScriptError(process.returncode, output)
        return output

    def archive(self, pattern: str) -> list[str]:
        """Copy the files that match; return their names."""
        found = sorted(self.workspace.glob(pattern))
        self.archived.mkdir(parents=True, exist_ok=True)
        for path in found:
            shutil.copy(path, self.archived)
        return [path.name for path in found]

    def read_tests(self, pattern: str) -> dict[str, int]:
        """Return the sums of tests, failures, errors and skipped in JUnit's XML files."""
        suites = [
            suite
            for path in self.workspace.glob(pattern)
            for suite in ET.parse(path).iter("testsuite")
        ]
        names = ("tests", "failures", "errors", "skipped")
        return {name: sum(int(suite.get(name, 0)) for suite in suites) for name in names}

    def delete_workspace(self) -> None:
        """Delete the workspace."""
        shutil.rmtree(self.workspace)


COMMIT = "5f0c1d6c9d0f1f7c2f0f4b3e6a7d8c9b0a1e2d3c"
