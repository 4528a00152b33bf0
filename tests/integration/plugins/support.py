"""Real runs of ansible-playbook with one task of quayside.fargate.stack."""

from __future__ import annotations

import json
import os
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from tests.warm import playbooks as warm

ROOT = Path(__file__).parents[3]
HERE = Path(__file__).parent
TEMPLATES = HERE / "templates"


@dataclass(frozen=True)
class Run:
    """One finished run: its exit code, what it printed, and the results of its tasks."""

    code: int
    stdout: str
    stderr: str
    results: list[dict[str, Any]]

    @property
    def output(self) -> str:
        """All that it printed."""
        return self.stdout + self.stderr

    @property
    def result(self) -> dict[str, Any]:
        """The result of the only task."""
        assert len(self.results) == 1, self.output
        return self.results[0]

    @property
    def message(self) -> str:
        """Why the task failed."""
        assert self.code != 0, self.output
        return str(self.result["msg"])

    @property
    def changed(self) -> bool:
        """Whether the task succeeded and changed something."""
        assert self.code == 0, self.output
        return bool(self.result["changed"])


class Playbooks:
    """Runs tasks against one AWS.

    Args:
        folder: where the playbooks are written.
        environment: how AWS is reached.
        cold: each is started as a user starts it, and takes its signals.
    """

    def __init__(self, folder: Path, environment: dict[str, str], *, cold: bool = False) -> None:
        self._folder = folder
        self._environment = environment
        self._cold = cold

    def acting_as(self, key_id: str, secret: str) -> Playbooks:
        """Return the same with other credentials."""
        credentials = {"AWS_ACCESS_KEY_ID": key_id, "AWS_SECRET_ACCESS_KEY": secret}
        return self.with_environment(**credentials)

    def with_environment(self, **variables: str) -> Playbooks:
        """Return the same with more environment variables."""
        return Playbooks(self._folder, {**self._environment, **variables}, cold=self._cold)

    def cold(self) -> Playbooks:
        """Return the same, each started as a user starts it."""
        return Playbooks(self._folder, self._environment, cold=True)

    def stack(self, *arguments: str, **options: Any) -> Run:
        """Run one task of the action and wait for it; `arguments` go to ansible-playbook."""
        return self.start(*arguments, **options).finish()

    def task(self, task: dict[str, Any], *arguments: str) -> Run:
        """Run any task and wait for it."""
        return self._start([task], arguments).finish()

    def start(self, *arguments: str, **options: Any) -> RunningPlaybook:
        """Start one task of the action."""
        return self._start([{"quayside.fargate.stack": with_path(options)}], arguments)

    def _start(self, tasks: list[dict[str, Any]], arguments: tuple[str, ...]) -> RunningPlaybook:
        number = len(list(self._folder.glob("*.yml")))
        playbook = self._folder / f"{number}.yml"
        play = {"hosts": "localhost", "gather_facts": False, "tasks": tasks}
        playbook.write_text(json.dumps([play]), encoding="utf-8")
        return RunningPlaybook(playbook, arguments, self._environment, cold=self._cold)


class RunningPlaybook:
    """A run of ansible-playbook that goes on."""

    def __init__(
        self,
        playbook: Path,
        arguments: tuple[str, ...],
        environment: dict[str, str],
        *,
        cold: bool = False,
    ) -> None:
        self._results = playbook.with_suffix(".results")
        self._outputs = [playbook.with_suffix(f".{name}") for name in ("stdout", "stderr")]
        self._files: list[IO[bytes]] = [path.open("wb") for path in self._outputs]
        whole = {
            **os.environ,
            "ANSIBLE_CALLBACK_PLUGINS": str(HERE / "callback"),
            "ANSIBLE_CALLBACKS_ENABLED": "results",
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_VERBOSITY": "1",  # all events are to be seen
            "RESULTS": str(self._results),
            **environment,
        }
        program = [str(warm.PROGRAM)] if cold else warm.command(whole)
        self.process = subprocess.Popen(
            [*program, *arguments, str(playbook)],
            cwd=ROOT,
            stdout=self._files[0],
            stderr=self._files[1],
            env=whole,
        )

    @property
    def output(self) -> str:
        """What it printed so far."""
        return "".join(path.read_text(encoding="utf-8") for path in self._outputs)

    def wait_for(self, words: str) -> None:
        """Wait until it has printed these words; fails if it ends without."""
        while words not in self.output:
            ended = self.process.poll() is not None
            assert not ended or words in self.output, self.output
            time.sleep(0.05)

    def finish(self) -> Run:
        """Wait until it ends."""
        code = self.process.wait(timeout=120)
        for file in self._files:
            file.close()
        lines = self._results.read_text("utf-8").splitlines() if self._results.exists() else []
        stdout, stderr = (path.read_text(encoding="utf-8") for path in self._outputs)
        return Run(code, stdout, stderr, [json.loads(line) for line in lines])


def with_path(options: dict[str, Any]) -> dict[str, Any]:
    """Return the options with the path of a test's template for its name."""
    if "template" not in options or "/" in options["template"]:
        return options
    return {**options, "template": str(TEMPLATES / options["template"])}
