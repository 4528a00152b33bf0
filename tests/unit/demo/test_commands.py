"""The commands that the demo runs, with real processes and a real ansible-playbook."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from examples.demo.commands import ROOT, CommandError, play, run


def test_a_command_that_fails_is_named_with_its_exit_status() -> None:
    with pytest.raises(CommandError, match="python -c ended with exit status 3"):
        run(["python", "-c", "raise SystemExit(3)"])


def test_a_command_gets_the_variables_that_it_is_given(tmp_path: Path) -> None:
    code = "import os; open(os.environ['TARGET'], 'w').close()"
    run(["python", "-c", code], {"TARGET": str(tmp_path / "made")})

    assert (tmp_path / "made").exists()


_STOPPABLE = """
import signal, sys
from examples.demo.commands import run
signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))
print("ready", flush=True)
run(["python", "-c", "import time; print('started', flush=True); time.sleep(600)"])
"""


@pytest.mark.parametrize("words", ["ready", "ready started"])
@pytest.mark.parametrize("delay", range(10))
def test_a_command_ends_with_the_program_that_runs_it(words: str, delay: int) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", _STOPPABLE], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as program:
        assert program.stdout
        for word in words.split():
            assert program.stdout.readline().strip() == word
        time.sleep(delay / 1000)  # stopped at some moment of the command's start
        program.send_signal(signal.SIGTERM)
        # The pipe's end: nobody who could write to it is left, the command neither.
        program.stdout.read()

    assert program.returncode == 7


@pytest.mark.parametrize("changed", [0, 2])
def test_the_recap_of_a_playbook_tells_how_many_tasks_changed(tmp_path: Path, changed: int) -> None:
    playbook = tmp_path / "play.yml"
    playbook.write_text(
        """
- hosts: localhost
  gather_facts: false
  tasks:
    - ansible.builtin.debug: {msg: "{{ word }}"}
      loop: [1, 2, 3]
      changed_when: changed
    - ansible.builtin.debug: {msg: "{{ word }}"}
      changed_when: changed
"""
    )

    assert play(str(playbook), {"changed": bool(changed), "word": "ahoy"}, {}) == changed


def test_a_playbook_that_fails_is_named(tmp_path: Path) -> None:
    playbook = tmp_path / "play.yml"
    playbook.write_text("- hosts: localhost\n  gather_facts: false\n  tasks: [{fail: {}}]\n")

    with pytest.raises(CommandError, match=r"ansible-playbook .*play\.yml ended with"):
        play(str(playbook), {}, {})
