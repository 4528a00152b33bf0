"""The command of ansible-playbook for tests that run it a hundred times: it starts in no time.

Where the start itself is tested, or a signal, a terminal or an installed collection: PROGRAM.
What a test does only once in its environment is started by PROGRAM too.
"""

from __future__ import annotations

import atexit
import functools
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent
PROGRAM = Path(sys.executable).with_name("ansible-playbook")
# What Ansible and Python read of the environment when they are imported. They read HOME too, for
# Ansible's own folder and botocore's caches: whoever changes it for those takes PROGRAM.
_READ_EARLY = ("ANSIBLE_", "LANG", "LC_", "NO_COLOR", "PATH", "PYTHON", "TZ", "VIRTUAL_ENV")
_Key = tuple[frozenset[tuple[str, str]], Path]
_SEEN: set[_Key] = set()
_SERVERS: list[subprocess.Popen[bytes]] = []  # each ends when nobody holds its standard input


def command(environment: Mapping[str, str], folder: Path = ROOT) -> list[str]:
    """Return what stands for ansible-playbook, and takes its arguments.

    Args:
        environment: all of it, as the run gets it.
        folder: that the run begins in.
    """
    early = {name: it for name, it in environment.items() if name.startswith(_READ_EARLY)}
    key = (frozenset(early.items()), folder)
    if key not in _SEEN:
        _SEEN.add(key)
        return [str(PROGRAM)]
    return [sys.executable, "-I", "-S", str(HERE / "caller.py"), _server(*key)]


@functools.cache
def _server(environment: frozenset[tuple[str, str]], folder: Path) -> str:
    """Start a server, which ends with this process; return its socket."""
    own = Path(tempfile.mkdtemp(prefix="warm-"))
    atexit.register(shutil.rmtree, own, ignore_errors=True)
    server = subprocess.Popen(
        [sys.executable, str(HERE / "server.py"), str(own / "socket")],
        cwd=folder,
        env={"HOME": str(Path.home()), **dict(environment)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    _SERVERS.append(server)
    assert server.stdout is not None
    assert server.stdout.readline() == b"ready\n"
    return str(own / "socket")
