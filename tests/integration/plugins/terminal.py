"""A terminal of its own for a command, which can be closed as people close theirs."""

from __future__ import annotations

import contextlib
import os
import pty
import select
import subprocess
import termios
import time
from pathlib import Path

from tests.warm.playbooks import PROGRAM, ROOT


class Terminal:
    """A command in the foreground of a terminal.

    Args:
        command: program and arguments.
        environment: all that it gets.
        folder: where it runs.
    """

    def __init__(self, command: list[str], environment: dict[str, str], folder: Path) -> None:
        self._master, slave = pty.openpty()
        termios.tcsetwinsize(slave, (50, 200))
        self.shown = ""
        self.process = subprocess.Popen(
            # What has no terminal of its own isn't hung up with it. What ignores that isn't either,
            # as all that runs under a nohup of whoever runs the tests.
            ["setsid", "--ctty", "env", "--default-signal=HUP", *command],
            cwd=folder,
            env=environment,
            stdin=slave,
            stdout=slave,
            stderr=slave,
        )
        os.close(slave)

    @classmethod
    def of_playbook(
        cls, playbook: Path, environment: dict[str, str], *before: str, folder: Path = ROOT
    ) -> Terminal:
        """Run a playbook in a terminal.

        Args:
            playbook: its path.
            environment: how AWS is reached.
            before: words before ansible-playbook, such as nohup.
            folder: where it runs.
        """
        ansible = {
            "TERM": "xterm",
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
            "ANSIBLE_COLLECTIONS_PATH": str(ROOT / "collections"),
        }
        return cls(
            [*before, str(PROGRAM), str(playbook)],
            {**os.environ, **environment, **ansible},
            folder,
        )

    def read(self, seconds: float = 0.1) -> None:
        """Read what it shows meanwhile."""
        if select.select([self._master], [], [], seconds)[0]:
            with contextlib.suppress(OSError):  # its end
                self.shown += os.read(self._master, 65536).decode(errors="replace")

    def wait_for(self, words: str, seconds: float = 60) -> None:
        """Wait until it has shown these words."""
        deadline = time.monotonic() + seconds
        while words not in self.shown:
            assert time.monotonic() < deadline, self.shown
            self.read()

    def finish(self) -> int:
        """Wait for its end, and return its exit status."""
        deadline = time.monotonic() + 60
        while self.process.poll() is None and time.monotonic() < deadline:
            self.read()
        self.read()
        return self.process.wait(timeout=1)

    def close(self) -> None:
        """Close it: the kernel hangs up (SIGHUP) on who has it."""
        os.close(self._master)


def seen(shown: str) -> list[str]:
    """Return the lines that are left on a terminal, after what was written over."""
    lines = shown.replace("\r\n", "\n").split("\n")
    return [line.rpartition("\r")[2].replace("\x1b[K", "") for line in lines]
