"""A container that can crash as one user, and that can take its time to stop."""

from __future__ import annotations

import os
import signal
import sys
import time


def stop(*_: object) -> None:
    """Stop after LINGER_SECONDS."""
    time.sleep(float(os.environ.get("LINGER_SECONDS", "0")))
    sys.exit(0)


if os.environ.get("CRASH_AS", "nobody") == os.environ.get("DB_ACTIVE_USER"):
    sys.exit(1)
signal.signal(signal.SIGTERM, stop)
while True:
    time.sleep(60)
