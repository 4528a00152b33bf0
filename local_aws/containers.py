"""Containers that are processes, in the shape of docker-py which ministack's ECS speaks to."""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections import deque
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from ministack.core import lambda_runtime
from ministack.core.responses import get_account_id, get_region
from ministack.services import ecs

from local_aws import processes
from local_aws.images import Image
from local_aws.registry import NotFoundError, Registry
from local_aws.settings import Settings

GATEWAY = "local-aws"  # the name under which ministack looks for its own container
_KEPT_LINES = 500
_LAST_LINES = 5.0  # seconds that a container's last lines have to reach its log
# ministack's own endpoint for the credentials of a task knows no roles.
_UPSTREAM_CREDENTIALS = ("AWS_CONTAINER_CREDENTIALS", "AWS_CONTAINER_AUTHORIZATION")


class Container:
    """One running container: a process with a loopback address of its own."""

    def __init__(self, name: str, labels: Mapping[str, str], address: str) -> None:
        """Describe a container that `start` starts."""
        self.id = uuid.uuid4().hex * 2
        self.name = name
        self.labels = dict(labels)
        self.status = "created"
        self.attrs = _network(address)
        self._lines: deque[bytes] = deque(maxlen=_KEPT_LINES)
        self._followers: list[queue.SimpleQueue[bytes | None]] | None = []
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._log_is_open = False
        self._given_up = 0.0  # when its end is told without its last lines; 0 while it runs

    def start(self, argv: list[str], folder: Path, environment: Mapping[str, str]) -> None:
        """Run `argv` in `folder`.

        Raises:
            OSError: the program can't be started.
        """
        self._process = processes.spawn(
            argv, cwd=folder, env=environment, stdout=subprocess.PIPE, death_signal=signal.SIGKILL
        )
        self.status = "running"
        threading.Thread(target=self._read, daemon=True, name=f"read-{self.name}").start()

    @property
    def process(self) -> subprocess.Popen[bytes]:
        """The process behind the container."""
        if self._process is None:
            raise RuntimeError(f"The container {self.name} was not started.")
        return self._process

    def _read(self) -> None:
        output = self.process.stdout
        for line in output or ():
            with self._lock:
                self._lines.append(line)
                for follower in self._followers or ():
                    follower.put(line)
        self.process.wait()
        with self._lock:
            for follower in self._followers or ():
                follower.put(None)
            self._followers = None

    def reload(self) -> None:
        """Ask the process whether it still runs; its end is told once its log has its last lines.

        A program that it left running may keep its output open: the log has some seconds only.
        """
        if self.process.poll() is None:
            return
        self._given_up = self._given_up or time.monotonic() + _LAST_LINES
        if not self._log_is_open or time.monotonic() > self._given_up:
            self.status = "exited"
            # docker-py's place for it; a signal is reported as a shell would
            self.attrs["State"] = {"ExitCode": self._exit_code()}

    def open_log(self) -> None:
        """Say that its lines are being brought to a log, until `close_log`."""
        self._log_is_open = True

    def close_log(self) -> None:
        """Say that all its lines are in its log."""
        self._log_is_open = False

    def _exit_code(self) -> int:
        code = self.process.wait()
        return code if code >= 0 else 128 - code

    def wait(self, **_: Any) -> dict[str, int]:
        """Wait for the end; return the exit code as Docker does."""
        return {"StatusCode": self._exit_code()}

    def logs(
        self, *, stream: bool = False, tail: int | None = None, **_: Any
    ) -> bytes | Iterator[bytes]:
        """Return the last lines, or follow them until the end."""
        if stream:
            return self._follow()
        with self._lock:
            lines = list(self._lines)
        return b"".join(lines[-tail:] if tail else lines)

    def _follow(self) -> Iterator[bytes]:
        follower: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        with self._lock:
            past, live = list(self._lines), self._followers is not None
            if self._followers is not None:
                self._followers.append(follower)
        yield from past
        while live and (line := follower.get()) is not None:
            yield line

    def stop(self, timeout: float = 10) -> None:
        """Send SIGTERM, and SIGKILL after `timeout` seconds."""
        processes.end(self.process, signal.SIGTERM, timeout)
        self.status = "exited"

    def kill(self) -> None:
        """Send SIGKILL."""
        processes.end(self.process, signal.SIGKILL, 1)
        self.status = "exited"

    def remove(self, **_: Any) -> None:
        """End what still runs; the engine forgets the container."""
        self.kill()
        RUNNING.pop(self.id, None)


RUNNING: dict[str, Container] = {}


class Containers:
    """docker-py's `client.containers`."""

    def __init__(self, settings: Settings, registry: Registry) -> None:
        """Run images of `registry`."""
        self._settings = settings
        self._registry = registry
        self._count = 0
        self._lock = threading.Lock()

    def _next_address(self) -> str:
        with self._lock:
            used = {_address(container.attrs) for container in list(RUNNING.values())}
            while True:
                self._count += 1
                address = self._settings.address(self._count)
                if address not in used:
                    return address

    def run(
        self,
        image: str,
        *,
        command: list[str] | None = None,
        environment: Mapping[str, str] | None = None,
        name: str = "",
        labels: Mapping[str, str] | None = None,
        **_: Any,
    ) -> Container:
        """Start a container.

        Args:
            command: instead of the image's own.
            environment: the task's, over the image's own.

        Raises:
            NotFoundError: the registry doesn't have the image.
            OSError: the command can't be started.
        """
        found = self._registry.image(image)
        container = Container(name, labels or {}, self._next_address())
        argv = [sys.executable if word == "python" else word for word in command or found.command]
        given = self._environment(found, environment or {}, container) | _credentials(labels or {})
        RUNNING[container.id] = container
        try:
            container.start(argv, found.folder, given)
        except OSError:
            RUNNING.pop(container.id, None)
            raise
        return container

    def _environment(
        self, image: Image, task: Mapping[str, str], container: Container
    ) -> dict[str, str]:
        own = image.environment.get("PATH", "").split(":")  # its programs, if this machine has them
        paths = [
            str(Path(sys.executable).parent),
            *(path for path in own if path.startswith("/")),
            *os.environ.get("PATH", os.defpath).split(":"),
        ]
        return {
            "PYTHONUNBUFFERED": "1",
            "LANG": "C.UTF-8",
            **image.environment,
            "AWS_REGION": self._settings.region,
            "AWS_DEFAULT_REGION": self._settings.region,
            **{k: str(v) for k, v in task.items() if not k.startswith(_UPSTREAM_CREDENTIALS)},
            "PATH": ":".join(paths),
            "HOSTNAME": container.id[:12],
            "BIND_HOST": _address(container.attrs),
        }

    def get(self, reference: str) -> Any:
        """Return the container with that id or name.

        Raises:
            LookupError: there is none.
        """
        if reference == GATEWAY:  # so that ministack gives tasks this address, no host.docker
            return SimpleNamespace(attrs=_network("127.0.0.1"))
        for container in list(RUNNING.values()):
            if reference and reference in (container.id, container.name):
                return container
        raise LookupError(reference)

    def list(self, **_: Any) -> list[Container]:
        """Return every container."""
        return list(RUNNING.values())


class Images:
    """docker-py's `client.images`, on the registry alone: nothing is cached."""

    def __init__(self, registry: Registry) -> None:
        """Serve the images of `registry`."""
        self._registry = registry

    def get_registry_data(self, image: str, **_: Any) -> SimpleNamespace:
        """Return the manifest's digest as `.id`, or raise NotFoundError."""
        return SimpleNamespace(id=self._registry.digest(image))

    def get(self, image: str) -> str:
        """Raise NotFoundError unless the registry has the image."""
        self._registry.image(image)
        return image


class Engine:
    """docker-py's client."""

    def __init__(self, settings: Settings) -> None:
        """Make an engine whose images come from ministack's ECR."""
        registry = Registry()
        self.containers = Containers(settings, registry)
        self.images = Images(registry)


def stop_all() -> None:
    """End every container at once."""
    processes.end_all([partial(container.stop, 2) for container in list(RUNNING.values())])


def _credentials(labels: Mapping[str, str]) -> dict[str, str]:
    """Return the credentials of a task's role, none without a role."""
    # Wrong upstream: under AUTH=true no task gets valid ones.
    family = labels.get("com.amazonaws.ecs.task-definition-family", "")
    revision = labels.get("com.amazonaws.ecs.task-definition-version", "")
    definition = ecs._task_defs.get(f"{family}:{revision}") or {}
    if not definition.get("taskRoleArn"):
        return {}
    task = labels.get("com.amazonaws.ecs.task-arn", "").rsplit("/", 1)[-1]
    session = {
        "FunctionArn": f"arn:aws:lambda:{get_region()}:{get_account_id()}:function:ecs-{family}",
        "FunctionName": task,
        "Role": definition["taskRoleArn"],
    }
    credentials: dict[str, str] = lambda_runtime.execution_credentials(session)
    return credentials


def _network(address: str) -> dict[str, Any]:
    return {"NetworkSettings": {"Networks": {"local": {"IPAddress": address}}}}


def _address(attrs: Mapping[str, Any]) -> str:
    return str(attrs["NetworkSettings"]["Networks"]["local"]["IPAddress"])


__all__ = ["GATEWAY", "RUNNING", "Container", "Engine", "NotFoundError", "stop_all"]
