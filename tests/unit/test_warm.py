"""What stands for ansible-playbook in tests does what it does."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.warm import playbooks
from tests.warm.playbooks import PROGRAM, ROOT, command

ENVIRONMENT = {**os.environ, "ANSIBLE_NOCOLOR": "1", "ANSIBLE_STDOUT_CALLBACK": "minimal"}


@pytest.fixture(scope="module")
def warm() -> list[str]:
    """The command from its second use on."""
    assert command(ENVIRONMENT) == [str(PROGRAM)]
    return command(ENVIRONMENT)


@pytest.fixture
def playbook(tmp_path: Path) -> Path:
    """A playbook that shows what a run is given, and that a variable makes fail."""
    lookups = ("env', 'HOME", "env', 'GIVEN", "pipe', 'pwd; cat")
    given = [f"{{{{ lookup('{words}') }}}}" for words in lookups]
    tasks: list[dict[str, Any]] = [
        {"debug": {"msg": [*given, "{{ said | default('') }}"]}},
        {"quayside.fargate.stack": {"name": "shop-x", "template": "nowhere.yml"}, "when": "fails"},
        {"pause": {"seconds": 60}, "when": "lasts"},
    ]
    play = {"hosts": "localhost", "gather_facts": False, "tasks": tasks}
    path = tmp_path / "play.yml"
    path.write_text(json.dumps([play | {"vars": {"fails": False, "lasts": False}}]))
    return path


def run(program: list[str], playbook: Path, **variables: Any) -> tuple[int, str]:
    done = subprocess.run(
        [*program, str(playbook), "-e", json.dumps(variables)],
        cwd=ROOT,
        env={**ENVIRONMENT, "HOME": str(playbook.parent), "GIVEN": "this"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout


@pytest.mark.parametrize("variables", [{"said": "hello"}, {"fails": True}])
def test_it_prints_the_same_and_ends_the_same(
    warm: list[str], playbook: Path, variables: dict[str, Any]
) -> None:
    real = run([str(PROGRAM)], playbook, **variables)
    assert run(warm, playbook, **variables) == real
    assert f"- {playbook.parent}\n    - this\n" in real[1]


def test_one_run_leaves_nothing_to_the_next(warm: list[str], playbook: Path) -> None:
    first = run(warm, playbook, said="hello")
    assert "hello" in first[1]
    run(warm, playbook, fails=True)
    assert "hello" not in run(warm, playbook)[1]
    assert run(warm, playbook, said="hello") == first


def test_a_run_ends_with_who_asked_for_it(warm: list[str], playbook: Path) -> None:
    lasting = [*warm, str(playbook), "-e", '{"lasts": true}']
    caller = subprocess.Popen(lasting, env=ENVIRONMENT, cwd=ROOT, stdout=subprocess.PIPE)
    eventually(runs)
    caller.kill()
    caller.wait()
    eventually(lambda: not runs())


def test_a_run_ends_with_the_tests_however_they_end(warm: list[str], playbook: Path) -> None:
    lasting = [*warm, str(playbook), "-e", '{"lasts": true}']
    caller = subprocess.Popen(lasting, env=ENVIRONMENT, cwd=ROOT, stdout=subprocess.PIPE)
    eventually(runs)
    (process,) = runs().split()
    server = playbooks._SERVERS[-1]
    assert server.stdin is not None
    server.stdin.close()  # as the kernel does for a process that is killed
    server.wait(20)
    eventually(lambda: not lives(process))
    caller.wait(20)


def lives(process: str) -> bool:
    """Whether a process is there, and no zombie."""
    status = Path(f"/proc/{process}/stat")
    return status.exists() and status.read_text().rpartition(")")[2].split()[0] != "Z"


def runs() -> str:
    """The processes of the runs that go on."""
    server = playbooks._SERVERS[-1].pid
    return Path(f"/proc/{server}/task/{server}/children").read_text()


def eventually(question: Callable[[], Any]) -> None:
    deadline = time.monotonic() + 20
    while not question():
        assert time.monotonic() < deadline
        time.sleep(0.05)
