"""A Jenkins node with Docker, in the account of a local AWS."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from local_aws.control import LocalAws
from tests.e2e.platform import ROOT
from tests.image.jenkins_agent import AgentError, JenkinsAgent
from tests.image.jenkins_agent import ScriptError as AgentScriptError
from tests.pipelines import docker, role
from tests.pipelines.jenkins import AbortedError, ScriptError, StepError
from tests.pipelines.machine import Machine

_UID = "4711:4712"
_LEFT_BEHIND = shutil.ignore_patterns(".venv", ".hypothesis", ".pytest_cache", "__pycache__")


class DockerNode(Machine):
    """A node whose `agent { docker }` are containers, started as Jenkins does it.

    Where Jenkins mounts the node's workspace into the container, its files are carried there and
    back here, but for virtual environments and caches.
    """

    def __init__(
        self,
        folder: Path,
        repository: Path,
        aws: LocalAws,
        credentials: str,
        images: dict[str, str],
    ) -> None:
        """Prepare the node.

        Args:
            folder: empty; for its home and the workspace.
            repository: the service's git repository; its checked out commit is built.
            aws: what the node reaches instead of AWS.
            credentials: address that gives those of the node's role.
            images: what the node would pull, and what stands for it here.
        """
        super().__init__(folder, repository)
        self._repository = repository
        self._images = images
        self._agent: JenkinsAgent | None = None
        self._surroundings = {
            "AWS_ENDPOINT_URL": aws.environment["AWS_ENDPOINT_URL"],
            role.VARIABLE: credentials,
        }
        self._passwd = folder / "passwd"
        user, group = _UID.split(":")
        self._passwd.write_text(f"jenkins:x:{user}:{group}::/var/lib/jenkins:/bin/sh\n")
        self._make_programs(folder, aws)

    def _make_programs(self, folder: Path, aws: LocalAws) -> None:
        programs = folder / "bin"
        programs.mkdir()
        program = programs / "docker"
        program.write_text(f'#!/bin/sh\nexec {sys.executable} -m tests.pipelines.docker "$@"\n')
        program.chmod(0o755)
        # The load balancer's name leads to the local AWS, whose certificate is for another name.
        port = urlsplit(aws.url("any", scheme="https")[0]).port
        (folder / ".curlrc").write_text(f'connect-to = "::127.0.0.1:{port}"\ninsecure\n')
        self.variables |= self._surroundings | {
            "PATH": f"{programs}:{self.variables['PATH']}",
            "PYTHONPATH": str(ROOT),
            docker.BASE_IMAGE: self._images.get("python:3.13-slim", ""),
            docker.ENGINE: shutil.which("docker") or "docker",
            docker.IMAGES: str(aws.directory / "images"),
        }

    def check_out(self) -> dict[str, str]:
        """Clone the repository, as the plugin git does."""
        clone = ["git", "clone", "--quiet", str(self._repository), str(self.workspace)]
        subprocess.run(clone, check=True)
        commit = ["git", "rev-parse", "HEAD"]
        answer = subprocess.run(
            commit, cwd=self.workspace, check=True, capture_output=True, text=True
        )
        return {"GIT_COMMIT": answer.stdout.strip(), "WORKSPACE": str(self.workspace)}

    def start(self, image: str, args: str, environment: Mapping[str, str]) -> None:
        """Start a container, in the network in which the local AWS is."""
        if image not in self._images:
            raise StepError(f"docker pull {image}: this node knows only {list(self._images)}.")
        options = ["--network", "host"]
        for name, value in self._surroundings.items():
            options += ["--env", f"{name}={value}"]
        for word in shlex.split(args):
            of_the_node = word.startswith("/etc/passwd:")
            options.append(
                word.replace("/etc/passwd", str(self._passwd), 1) if of_the_node else word
            )
        try:
            self._agent = JenkinsAgent(self._images[image], _UID, options, environment)
        except AgentError as error:
            raise StepError(str(error)) from error
        self._agent.check_out(self.workspace)

    def stop(self) -> None:
        """Carry the workspace back, and remove the container."""
        assert self._agent
        self._carry_back(self._agent)
        self._agent.stop()
        self._agent = None

    def release(self) -> None:
        """Remove the container that an error of our own may have left."""
        if self._agent:
            self._agent.stop()

    def _carry_back(self, agent: JenkinsAgent) -> None:
        shutil.copytree(agent.workspace, self.workspace, ignore=_LEFT_BEHIND, dirs_exist_ok=True)

    def sh(self, script: str, environment: Mapping[str, str], seconds: float | None) -> str:
        """Run a script in the container if there is one, else on the node."""
        if self._agent is None:
            return super().sh(script, environment, seconds)
        variables = {name: value for name, value in environment.items() if name != "WORKSPACE"}
        running = self._agent.start(script, variables)
        try:
            return running.wait(seconds or 280)
        except AgentScriptError as error:
            raise ScriptError(error.code, error.log) from error
        except TimeoutError as error:
            self._agent.abort()
            raise AbortedError(str(error)) from error
        finally:
            self._carry_back(self._agent)
