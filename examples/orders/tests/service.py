"""The service under test: the command of its Dockerfile, as a process."""

from __future__ import annotations

import http.client
import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, Self

from .postgres import GUARD_SECONDS

FOLDER = Path(__file__).parents[1]


class Answer(NamedTuple):
    status: int
    headers: http.client.HTTPMessage
    body: Any


class Service:
    """A process of the service; killed at the end of the ``with`` if it still runs."""

    def __init__(self, environment: dict[str, str]) -> None:
        self.environment = {
            "PATH": os.defpath,
            "BIND_HOST": "127.0.0.1",
            "PORT": "0",
            "PYTHONDONTWRITEBYTECODE": "1",
            **environment,
        }
        self.output: list[str] = []
        self.port = 0
        self._lines: queue.SimpleQueue[str] = queue.SimpleQueue()

    def __enter__(self) -> Self:
        self.process = subprocess.Popen(
            _command(),
            cwd=FOLDER,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def kill(self) -> None:
        """Kill the process and its children, as a container ends."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def terminate(self) -> None:
        """Send SIGTERM, as ECS does to process 1."""
        self.process.terminate()

    def wait(self) -> int:
        """Return the exit status once the process has ended."""
        status = self.process.wait(GUARD_SECONDS)
        self._reader.join()
        return status

    def wait_for_line(self, is_it: Callable[[str], bool]) -> str:
        """Return the next line of output that is the one looked for."""
        while True:
            try:
                line = self._lines.get(timeout=GUARD_SECONDS)
            except queue.Empty:
                raise AssertionError(f"the line never came: {self.output}") from None
            if is_it(line):
                return line

    def wait_until_up(self) -> Self:
        """Return once it listens; PORT 0 takes a free port, which the log tells."""
        line = self.wait_for_line(lambda line: "Uvicorn running on" in line)
        self.port = int(json.loads(line)["message"].split(":")[-1].split()[0])
        return self

    @property
    def log(self) -> list[dict[str, Any]]:
        """All that the process wrote so far."""
        return [json.loads(line) for line in self.output]

    def request(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        content_type: str = "application/json",
        headers: dict[str, str] | None = None,
    ) -> Answer:
        """Send a request; the answer's body must be JSON."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=GUARD_SECONDS)
        try:
            told = {"Content-Type": content_type} if body is not None else {}
            connection.request(method, path, body, {**told, **(headers or {})})
            response = connection.getresponse()
            return Answer(response.status, response.headers, json.loads(response.read()))
        finally:
            connection.close()

    def get(self, path: str) -> Answer:
        return self.request("GET", path)

    def post(self, path: str, body: Any) -> Answer:
        return self.request("POST", path, json.dumps(body).encode())

    def _read(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            self.output.append(line)
            self._lines.put(line)


def _command() -> list[str]:
    """Return the Dockerfile's CMD, with this interpreter as its python."""
    *_, line = (FOLDER / "Dockerfile").read_text().splitlines()
    program, *arguments = json.loads(line.removeprefix("CMD "))
    assert program == "python"
    return [sys.executable, *arguments]
