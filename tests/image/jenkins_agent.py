"""Runs scripts in a container as Jenkins' `agent { docker { ... } }` does.

The command lines are those of the plugins docker-workflow (WithContainerStep, DockerClient) and
durable-task (BourneShellScript, FileMonitoringTask), for a node that isn't a container itself.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
import time
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

COOKIE = "JENKINS_SERVER_COOKIE"
# In short: keep touching the log as a sign of life, run the script, write down how it ended.
_WRAPPER = (
    "(cp '{script}' '{script}.copy'; "
    "{{ while [ -d '{folder}' -a \\! -f '{result}' ]; do touch '{log}'; sleep 3; done }} & "
    "jsc={cookie}; {name}=$jsc 'sh' -xe '{script}.copy' > '{log}' 2>&1; "
    "echo $? > '{result}.tmp'; mv '{result}.tmp' '{result}'; wait) >&- 2>&- &"
)


class AgentError(Exception):
    """The container can't be an agent; says why, as Jenkins would."""


class ScriptError(Exception):
    """A script ended with another exit code than 0."""

    def __init__(self, code: int, log: str) -> None:
        """Know exit code and log of the script."""
        super().__init__(f"script returned exit code {code}\n{log}")
        self.code = code
        self.log = log


class Script:
    """A script that runs in an agent; Jenkins' `sh` step."""

    def __init__(self, folder: Path) -> None:
        """Know the control directory, in which the wrapper leaves log and exit code."""
        self._folder = folder

    @property
    def log(self) -> str:
        """What it has written so far, with the shell's trace."""
        path = self._folder / "jenkins-log.txt"
        return path.read_text() if path.exists() else ""

    def wait(self, timeout: float = 280) -> str:
        """Wait for its end and return its log.

        Args:
            timeout: seconds.
        Raises:
            ScriptError: it failed.
            TimeoutError: it runs on.
        """
        result = self._folder / "jenkins-result.txt"
        deadline = time.monotonic() + timeout
        while not result.exists():
            if time.monotonic() > deadline:
                raise TimeoutError(f"a script runs for more than {timeout} s\n{self.log}")
            time.sleep(0.1)
        code = int(result.read_text())
        if code:
            raise ScriptError(code, self.log)
        return self.log


class JenkinsAgent:
    """A container that Jenkins uses as an agent; as a context manager it is removed at the end."""

    def __init__(
        self,
        image: str,
        uid: str = "4711:4712",
        options: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """Start a container of an image.

        Args:
            image: name of an image that the engine has.
            uid: numeric user and group of the Jenkins process. Who isn't root can only be himself.
            options: for `docker run`, as in the Jenkinsfile's `args`.
            environment: the job's variables.
        Raises:
            AgentError: the container doesn't start, or doesn't do what it is told.
        """
        self.uid = uid if os.getuid() == 0 else f"{os.getuid()}:{os.getgid()}"
        self._home = Path(tempfile.mkdtemp(prefix="jenkins-"))
        self._home.chmod(0o755)
        self.workspace = self._home / "workspace"
        self._temporary = self._home / "workspace@tmp"
        for folder in self.workspace, self._temporary:
            folder.mkdir()
            self.give(folder)
        self._environment = dict(environment or {}) | {"WORKSPACE": str(self.workspace)}
        digest = hashlib.sha256(str(self.workspace).encode()).hexdigest()
        self._cookie = f"durable-{digest}"
        self._container = ""
        try:
            self._start(image, options)
        except AgentError:
            self.stop()
            raise

    def _start(self, image: str, options: Sequence[str]) -> None:
        folders = (self.workspace, self._temporary)
        volumes = [word for folder in folders for word in ("-v", f"{folder}:{folder}:rw,z")]
        variables = [word for pair in _pairs(self._environment) for word in ("-e", pair)]
        command = ["run", "-t", "-d", "-u", self.uid, *options, "-w", str(self.workspace)]
        self._container = _docker(*command, *volumes, *variables, image, "cat").strip()
        processes = _docker("top", self._container, "-eo", "pid,comm").splitlines()[1:]
        if "cat" not in [line.split()[1] for line in processes]:
            raise AgentError(
                "The container started but didn't run the expected command. It said: "
                f"{_docker('logs', self._container).strip()}"
            )

    def give(self, path: Path) -> None:
        """Make a file or folder, and all below it, the Jenkins user's."""
        user, group = map(int, self.uid.split(":"))
        for each in (path, *path.rglob("*")):
            os.chown(each, user, group, follow_symlinks=False)

    def check_out(self, source: Path) -> None:
        """Copy a folder's content into the workspace, as a checkout on the node would bring it."""
        shutil.copytree(source, self.workspace, dirs_exist_ok=True)
        self.give(self.workspace)

    def start(self, script: str, environment: Mapping[str, str] | None = None) -> Script:
        """Start a script.

        Args:
            script: for `sh -xe`, in the workspace.
            environment: variables besides the job's own, as in `withEnv`.
        """
        folder = self._temporary / f"durable-{uuid.uuid4().hex[:8]}"
        folder.mkdir()
        (folder / "script.sh").write_text(script)
        self.give(folder)
        wrapper = _WRAPPER.format(
            folder=folder,
            script=folder / "script.sh",
            log=folder / "jenkins-log.txt",
            result=folder / "jenkins-result.txt",
            cookie=self._cookie,
            name=COOKIE,
        )
        # The script's own cookie is in the wrapper; the wrapper's must survive an abort.
        variables = self._environment | dict(environment or {}) | {COOKIE: "please-do-not-kill-me"}
        options = [word for pair in _pairs(variables) for word in ("--env", pair)]
        _docker("exec", *options, self._container, "nohup", "sh", "-c", wrapper)
        return Script(folder)

    def sh(self, script: str, environment: Mapping[str, str] | None = None) -> str:
        """Run a script and return its log; ScriptError if it fails."""
        return self.start(script, environment).wait()

    def abort(self) -> None:
        """End the scripts' processes as Jenkins does when somebody aborts the build.

        Raises:
            AgentError: the image's ps or kill can't do it.
        """
        listing = _docker("exec", self._container, "ps", "-A", "-o", "pid,command", "e")
        pids = [
            line.split()[0] for line in listing.splitlines() if f"{COOKIE}={self._cookie}" in line
        ]
        if pids:
            _docker("exec", self._container, "kill", *pids)

    def stop(self) -> None:
        """Stop and remove the container, and the workspace."""
        if self._container:
            _docker("stop", "--time=1", self._container)
            _docker("rm", "-f", "--volumes", self._container)
        shutil.rmtree(self._home)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _value: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        self.stop()


def _pairs(variables: Mapping[str, str]) -> list[str]:
    return [f"{name}={value}" for name, value in sorted(variables.items())]


def _docker(*words: str) -> str:
    command = ["docker", *words]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    if answer.returncode:
        raise AgentError(f"docker {words[0]} failed: {answer.stderr.strip() or answer.stdout}")
    return answer.stdout
