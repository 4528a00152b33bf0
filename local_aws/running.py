"""What a server holds as long as it lives: its directory and its block of ports and addresses."""

from __future__ import annotations

import fcntl
import os
import socket
from pathlib import Path

from local_aws.errors import LocalAwsError
from local_aws.settings import Settings


def hold_block(settings: Settings) -> socket.socket:
    """Return a socket that keeps other local AWS off this one's block, as long as it is open.

    Raises:
        LocalAwsError: another one has a port of the same block.
    """
    guard = socket.socket()
    try:
        guard.bind((settings.last_address, settings.first_port))
    except OSError:
        guard.close()
        raise LocalAwsError(
            f"Another local AWS has the ports around {settings.port}: addresses already in use. "
            f"Choose a --port below {settings.first_port}, or 64 or more above it."
        ) from None
    return guard


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
