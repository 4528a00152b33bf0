"""The server process: `python -m local_aws.server DIRECTORY`, started by local_aws.control."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
from pathlib import Path

from local_aws.errors import LocalAwsError
from local_aws.running import hold, hold_block
from local_aws.settings import ACCOUNT, Settings
from local_aws.versions import check_hooks, check_versions

ATTACHED = "--attached"
_GRACE = 0.5  # seconds that requests under way have when the server stops


def main(arguments: list[str]) -> int:
    """Serve the local AWS of a directory until SIGTERM, SIGINT or, attached, the parent's end.

    Returns:
        exit status: 0, or 1 with the reason on standard error.
    """
    settings = Settings.load(Path(arguments[0]))
    _environ(settings)
    try:
        hold(settings.directory)
        check_versions()
        check_hooks()
        with hold_block(settings):
            asyncio.run(_serve(settings, attached=ATTACHED in arguments))
    except LocalAwsError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _environ(settings: Settings) -> None:
    """Set what ministack reads when it is imported."""
    os.environ.update(
        settings.environment(),
        AUTH="true",
        BIND_HOST="127.0.0.1",
        GATEWAY_PORT=str(settings.port),
        HOSTNAME="local-aws",  # containers.GATEWAY
        IOT_MTLS_ENABLED="0",  # else port 8883 opens to all
        MINISTACK_ACCOUNT_ID=ACCOUNT,
        MINISTACK_HOST="localhost",
        MINISTACK_REGION=settings.region,
        TMPDIR=str(settings.directory / "tmp"),
    )
    os.environ.pop("AWS_ENDPOINT_URL")  # ministack would take it for its functions' own


async def _serve(settings: Settings, *, attached: bool) -> None:
    from hypercorn.asyncio import serve
    from hypercorn.config import Config
    from ministack import app

    from local_aws import connections, containers
    from local_aws.gateway import gateway
    from local_aws.mends import install_all

    installed = install_all(settings)
    connections.close_with_their_clients()
    config = Config()
    config.bind = [f"127.0.0.1:{port}" for port in (settings.tls_port, settings.secure_front_port)]
    config.insecure_bind = [f"127.0.0.1:{port}" for port in (settings.port, settings.front_port)]
    config.certfile = str(installed.certificate.certificate)
    config.keyfile = str(installed.certificate.key)
    config.keep_alive_timeout = 75
    config.graceful_timeout = _GRACE
    config.backlog = 1024
    config.loglevel = "WARNING"
    stop = _stop_event(attached=attached)
    try:
        await serve(gateway(app.app, settings), config, shutdown_trigger=stop.wait)
    finally:
        containers.stop_all()
        installed.databases.stop_all()
        # background threads of ministack may sleep for minutes, and hold nothing worth keeping
        sys.stdout.flush()
        os._exit(0)


def _stop_event(*, attached: bool) -> asyncio.Event:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    if attached:
        threading.Thread(target=_wait_for_parent, args=(loop, stop), daemon=True).start()
    return stop


def _wait_for_parent(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    # The parent holds the other end of standard input: its end, however it came, is ours.
    while sys.stdin.buffer.read(4096):
        pass
    loop.call_soon_threadsafe(stop.set)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
