"""Processes end with the one that started them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from local_aws import processes

PARENT = """
import sys
from local_aws import processes
child = processes.spawn([sys.executable, "-c", "import time; time.sleep(60)"], cwd="/", env={})
print(child.pid, flush=True)
input()
"""

DEAF = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("deaf", flush=True)
time.sleep(60)
"""


def runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"


@pytest.mark.skipif(sys.platform != "linux", reason="PR_SET_PDEATHSIG is Linux's")
def test_a_child_ends_when_its_parent_is_killed_with_9() -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout
    child = int(parent.stdout.readline())
    assert runs(child)
    parent.kill()
    parent.wait()
    for _ in range(500):
        if not runs(child):
            break
        time.sleep(0.01)
    assert not runs(child)


def test_a_child_sees_no_variable_but_those_it_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CANARY", "secret")
    child = processes.spawn(
        [sys.executable, "-c", "import os; print(sorted(os.environ))"],
        cwd="/",
        env={"GIVEN": "1"},
        stdout=subprocess.PIPE,
    )
    output = child.communicate()[0].decode()
    assert "GIVEN" in output
    assert "CANARY" not in output


def test_a_child_that_ignores_sigterm_is_killed() -> None:
    child = processes.spawn([sys.executable, "-c", DEAF], cwd="/", env={}, stdout=subprocess.PIPE)
    child.stdout.readline()  # type: ignore[union-attr]
    assert processes.end(child, signal.SIGTERM, 0.1) == -signal.SIGKILL


def test_ending_what_has_ended_gives_its_exit_status() -> None:
    child = processes.spawn([sys.executable, "-c", "raise SystemExit(3)"], cwd="/", env={})
    child.wait()
    assert processes.end(child, signal.SIGTERM, 1) == 3
