"""Child processes that end with the process that started them, even if that is killed with -9."""

from __future__ import annotations

import concurrent.futures
import contextlib
import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None
# The kernel sends the parent-death signal when the *thread* that forked ends, so one thread that
# lives as long as this process forks them all.
_FORKING_THREAD = concurrent.futures.ThreadPoolExecutor(1, thread_name_prefix="fork")


def spawn(
    argv: Sequence[str],
    *,
    cwd: Path | str,
    env: Mapping[str, str],
    stdout: int | IO[Any] | None = subprocess.DEVNULL,
    stderr: int | IO[Any] | None = subprocess.STDOUT,
    stdin: int | IO[Any] | None = subprocess.DEVNULL,
    death_signal: signal.Signals = signal.SIGKILL,
    **options: Any,
) -> subprocess.Popen[Any]:
    """Start `argv` in a session of its own, and in no environment but `env`.

    Args:
        death_signal: what the kernel sends it when this process ends (Linux only).
        options: passed on to subprocess.Popen.

    Raises:
        OSError: the program can't be started.
    """

    parent = os.getpid()

    def before_exec() -> None:
        if _LIBC is not None:
            _LIBC.prctl(_PR_SET_PDEATHSIG, death_signal)
            if os.getppid() != parent:  # it died before the kernel was asked to tell of it
                os._exit(1)

    def fork() -> subprocess.Popen[Any]:
        return subprocess.Popen(
            list(argv),
            cwd=cwd,
            env=dict(env),
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            start_new_session=True,
            preexec_fn=before_exec,  # noqa: PLW1509 - touches no lock: system calls
            **options,
        )

    return _FORKING_THREAD.submit(fork).result()


def end(process: subprocess.Popen[Any], first: signal.Signals, seconds: float) -> int:
    """Send `first` to the process's session, SIGKILL after `seconds`; return its exit status."""
    for number in (first, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            if process.poll() is None:
                os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            return process.wait(seconds)
    return process.wait()


def end_all(stops: Sequence[Callable[[], object]]) -> None:
    """Call every stop at once, so that the slowest alone decides how long it takes."""
    if stops:
        with concurrent.futures.ThreadPoolExecutor(len(stops)) as pool:
            list(pool.map(lambda stop: stop(), stops))
