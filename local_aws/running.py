"""Whether a directory's server runs: it holds a lock on `server.pid` as long as it lives."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from local_aws.errors import LocalAwsError


def hold(directory: Path) -> None:
    """Take the lock for this process, until it ends however that comes, and write its id.

    Raises:
        LocalAwsError: another server holds it.
    """
    descriptor = os.open(directory / "server.pid", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise LocalAwsError(
            f"A local AWS runs in {directory} already. "
            f"Stop it: python -m local_aws stop --directory {directory}"
        ) from None
    os.ftruncate(descriptor, 0)
    os.write(descriptor, str(os.getpid()).encode())


def server_process(directory: Path) -> int | None:
    """Return the id of the server process of `directory`, None if none runs."""
    try:
        with (directory / "server.pid").open("r+") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return int(file.read())
    except (FileNotFoundError, ValueError):
        pass
    return None
