"""A stand-in for Jenkins: checks a declarative Jenkinsfile, and runs it on a node of our own.

The Jenkinsfile is compiled and run by the Groovy version that is inside Jenkins (`stand_in`); its
steps come to a `Node` here. What this can't show, only a real Jenkins can: plugins and their
versions, script security and CPS (Groovy that Jenkins interrupts and goes on with), its queue and
its labels, conditions that need an earlier build (`changed`), and what its pages look like.
"""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

from tests.pipelines import groovy

_STAND_IN = Path(__file__).parent / "stand_in"


class StepError(Exception):
    """A step failed; the message is what Jenkins would print."""

    outcome = "FAILURE"


class ScriptError(StepError):
    """A script ended with another status than 0."""

    def __init__(self, status: int, output: str) -> None:
        """Know exit status and output of the script."""
        super().__init__(f"ERROR: script returned exit code {status}")
        self.output = output


class AbortedError(StepError):
    """A step was aborted, by a person or a timeout."""

    outcome = "ABORTED"


class Node(Protocol):
    """A Jenkins node, as far as steps need one. All methods may raise StepError."""

    def check_out(self) -> dict[str, str]:
        """Fill the workspace; return the variables that the plugin git sets."""

    def start(self, image: str, args: str, environment: Mapping[str, str]) -> None:
        """Send the next `sh` steps into a container of an image."""

    def stop(self) -> None:
        """Remove that container."""

    def sh(self, script: str, environment: Mapping[str, str], seconds: float | None) -> str:
        """Run a script; return its output. After some seconds it is aborted."""

    def archive(self, pattern: str) -> list[str]:
        """Keep the workspace's files that match; return their names."""

    def read_tests(self, pattern: str) -> dict[str, int]:
        """Return the sums of tests, failures, errors and skipped in JUnit's XML files."""

    def delete_workspace(self) -> None:
        """Delete what is in the workspace."""


@dataclass
class Build:
    """How a run of a Jenkinsfile ended."""

    result: str = ""
    stages: dict[str, str] = field(default_factory=dict)
    console: list[str] = field(default_factory=list)
    shell: list[tuple[str, str]] = field(default_factory=list)  # stage, script
    tests: dict[str, int] = field(default_factory=dict)
    artifacts: list[str] = field(default_factory=list)
    kept: dict[str, str] = field(default_factory=dict)  # artifacts' texts, filled by who has them

    @property
    def log(self) -> str:
        """What Jenkins' console would show."""
        return "\n".join(self.console)


class Jenkins:
    """The stand-in; as a context manager it ends with the block."""

    def __init__(self) -> None:
        """Start Groovy.

        Raises:
            groovy.NoGroovyError: there is none.
        """
        self._process = subprocess.Popen(
            [*groovy.command(), "Main.groovy"],
            cwd=_STAND_IN,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def check(self, jenkinsfile: str) -> list[str]:
        """Return what is wrong with a Jenkinsfile, a line each."""
        self._tell({"check": jenkinsfile})
        errors: list[str] = self._hear()["errors"]
        return errors

    def run(
        self,
        jenkinsfile: str,
        node: Node,
        branch: str = "main",
        variables: Mapping[str, str] | None = None,
    ) -> Build:
        """Run a Jenkinsfile.

        Args:
            jenkinsfile: its text; one with mistakes isn't run, as in Jenkins.
            node: does the steps.
            branch: that is built.
            variables: what Jenkins' administrator set for all jobs.
        """
        if errors := self.check(jenkinsfile):
            return Build("FAILURE", console=errors)
        self._tell({"run": jenkinsfile, "branch": branch, "variables": dict(variables or {})})
        run = _Run(node)
        while "result" not in (message := self._hear()):
            self._tell(run.answer(message))
        run.build.result, run.build.stages = message["result"], message["stages"]
        return run.build

    def _tell(self, message: Mapping[str, Any]) -> None:
        assert self._process.stdin
        self._process.stdin.write(json.dumps(message) + "\n")
        self._process.stdin.flush()

    def _hear(self) -> dict[str, Any]:
        assert self._process.stdout
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("The stand-in for Jenkins ended; its stderr says why.")
        message: dict[str, Any] = json.loads(line)
        return message

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _value: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait(30)


class _Run:
    """Does on a node what one running Jenkinsfile asks for."""

    def __init__(self, node: Node) -> None:
        self.build = Build()
        self._node = node
        self._deadlines: list[float] = []
        self.stage = ""

    def answer(self, message: dict[str, Any]) -> dict[str, Any]:
        """Do one thing; return the reply."""
        does = getattr(self, f"_{message.pop('does')}")
        environment = message.pop("environment", None)
        try:
            return {"value": does(environment, **message.pop("arguments", message))}
        except StepError as error:
            return {"outcome": error.outcome, "message": str(error)}

    def _checkout(self, _: object) -> dict[str, str]:
        return self._node.check_out()

    def _stage(self, _: object, name: str) -> None:
        self.build.console.append(f"Stage {name}")
        self.stage = name

    def _say(self, _: object, text: str) -> None:
        self.build.console.append(text)

    def _limit(self, _: object, seconds: float) -> None:
        self._deadlines.append(time.monotonic() + seconds)

    def _unlimit(self, _: object) -> None:
        self._deadlines.pop()

    def _start(self, environment: dict[str, str], image: str, args: str) -> None:
        self._node.start(image, args, environment)

    def _stop(self, _: object) -> None:
        self._node.stop()

    def _sh(self, environment: dict[str, str], script: str, label: str = "") -> None:
        self.build.shell.append((self.stage, script))
        self.build.console.append(f"+ {label or script}")
        left = min(self._deadlines) - time.monotonic() if self._deadlines else None
        try:
            self.build.console.append(self._node.sh(script, environment, left))
        except ScriptError as error:
            self.build.console.append(error.output)
            raise

    def _echo(self, _: object, message: str) -> None:
        self.build.console.append(message)

    def _junit(self, _: object, testResults: str) -> int:  # noqa: N803 - Jenkins' name
        self.build.tests = found = self._node.read_tests(testResults)
        if not found["tests"]:
            raise StepError(f"No test report files were found: {testResults}")
        return found["failures"] + found["errors"]

    def _archiveArtifacts(self, _: object, artifacts: str) -> None:  # noqa: N802 - Jenkins' name
        found = self._node.archive(artifacts)
        self.build.artifacts += found
        if not found:
            raise StepError(f'No artifacts found that match the file pattern "{artifacts}".')

    def _deleteDir(self, _: object) -> None:  # noqa: N802 - Jenkins' name
        self._node.delete_workspace()
