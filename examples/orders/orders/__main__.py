"""Start: ``python -m orders``. Settings, database, migrations, then the server."""

from __future__ import annotations

import logging
import os
import signal
import sys

from orders import logs
from orders.database import DatabaseError, prepare
from orders.settings import Settings, SettingsError

_LOG = logging.getLogger("orders")


def main() -> int:
    """Run the service until SIGTERM.

    Returns:
        exit status: 0 after SIGTERM, 1 when it could not start, with the reason in the log;
        uvicorn exits with 3 when the pool had no connection in time.
    """
    # As process 1 of a container, SIGTERM without a handler would be ignored. uvicorn puts its own
    # in place while it serves, and passes the signal on to this one when all is closed.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    logs.configure()
    try:
        settings = Settings.from_environment(os.environ)
        logging.getLogger().setLevel(settings.log_level)
        prepare(settings)
    except (SettingsError, DatabaseError) as error:
        _LOG.error("%s", error)
        return 1
    _serve(settings)
    return 0


def _serve(settings: Settings) -> None:
    import uvicorn

    from orders.app import create_app

    uvicorn.run(
        logs.RequestLog(create_app(settings)),
        host=settings.bind_host,
        port=settings.port,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        # Longer than the load balancer's idle timeout (60 s), or it meets a closed connection: 502.
        timeout_keep_alive=75,
        # Shorter than ECS' stop timeout (30 s), after which SIGKILL comes.
        timeout_graceful_shutdown=20,
    )


if __name__ == "__main__":
    sys.exit(main())
