"""The commands that the demo runs, with real processes and a real ansible-playbook."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
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


def test_a_command_ends_with_the_program_that_runs_it() -> None:
    code = """
import signal, sys
from examples.demo.commands import run
signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))
run(["python", "-c", "import os, time; print(os.getpid(), flush=True); time.sleep(600)"])
"""
    with subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as program:
        assert program.stdout
        command = int(program.stdout.readline())
        program.send_signal(signal.SIGTERM)

    assert program.returncode == 7
    with pytest.raises(ProcessLookupError):
        os.kill(command, 0)


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
