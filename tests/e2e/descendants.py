"""Run a command and say what it left running: python descendants.py COMMAND ...

Orphans come to this process (prctl(2), PR_SET_CHILD_SUBREAPER), whatever session they are in, so
that none is missed. Signals are passed on. The last line of output is a JSON object: the command's
exit status, and the command lines of the processes that outlived it.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

_PR_SET_CHILD_SUBREAPER = 36
_GRACE_SECONDS = 5  # for what was killed to be gone


def main() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    command = subprocess.Popen(sys.argv[1:])
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda got, _: command.send_signal(got))
    status = command.wait()
    end = time.monotonic() + _GRACE_SECONDS
    while (left := _children()) and time.monotonic() < end:
        time.sleep(0.05)
    print(json.dumps({"status": status, "left": left}))
    while _children():  # and theirs, which come to us as these go
        for pid in _pids():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def _children() -> list[str]:
    """Return the command lines of our living children, and bury the dead ones."""
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    return [_command_line(pid) for pid in _pids()]


def _pids() -> list[int]:
    return [
        int(pid)
        for pid in Path("/proc/self/task", str(os.getpid()), "children").read_text().split()
    ]


def _command_line(pid: int) -> str:
    with suppress(FileNotFoundError):
        return Path("/proc", str(pid), "cmdline").read_text().replace("\0", " ")
    return str(pid)


main()
