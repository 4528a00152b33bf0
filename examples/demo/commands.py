"""The commands that a user types, with their output as it comes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[2]
_CALLBACKS = Path(__file__).parent / "callback_plugins"
_GRACE_SECONDS = 20


class CommandError(Exception):
    """A command ended with another exit status than 0."""


def run(command: list[str], environment: Mapping[str, str] | None = None) -> None:
    """Run a command in the checkout; its output goes where ours goes.

    Args:
        command: program and arguments; a program without a slash is the virtual environment's.
        environment: variables besides our own.

    Raises:
        CommandError: its exit status isn't 0.
    """
    program = str(Path(sys.executable).parent / command[0])
    process = None
    try:
        with _signals_held():  # one that came within Popen would leave a process nobody knows
            process = subprocess.Popen(
                [program, *command[1:]],
                cwd=ROOT,
                env={**os.environ, **(environment or {})},
                stdin=subprocess.DEVNULL,
                # Ctrl-C comes to us alone, and we end the command in good order.
                start_new_session=True,
            )
        status = process.wait()
    except BaseException:
        if process:
            _end(process)
        raise
    if status:
        raise CommandError(f"{' '.join(command[:2])} ended with exit status {status}")


def play(playbook: str, variables: Mapping[str, object], environment: Mapping[str, str]) -> int:
    """Run a playbook as a user would.

    Args:
        playbook: its path in the checkout.
        variables: extra variables (``-e``).
        environment: what an AWS client needs.

    Returns:
        the number of changed tasks in its recap.

    Raises:
        CommandError: a task failed.
    """
    with tempfile.TemporaryDirectory() as folder:
        recap = Path(folder) / "recap.json"
        run(
            ["ansible-playbook", playbook, "-e", json.dumps(variables)],
            {
                **environment,
                "ANSIBLE_CALLBACK_PLUGINS": str(_CALLBACKS),
                "ANSIBLE_CALLBACKS_ENABLED": "recap",
                "DEMO_RECAP": str(recap),
            },
        )
        return sum(host["changed"] for host in json.loads(recap.read_text()).values())


@contextmanager
def _signals_held() -> Iterator[None]:
    """Deliver SIGINT and SIGTERM after the block, not within it."""
    came: list[int] = []
    handlers = {
        number: signal.signal(number, lambda number, _: came.append(number))
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        if came:
            signal.raise_signal(came[0])


def _end(process: subprocess.Popen[bytes]) -> None:
    # ansible-playbook passes SIGTERM on to its workers, which have sessions of their own.
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(_GRACE_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
