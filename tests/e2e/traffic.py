"""Steady HTTP traffic on a service, counted."""

from __future__ import annotations

import threading
import time
from types import TracebackType
from typing import Protocol


class Called(Protocol):
    """What traffic is sent to."""

    def call(self, service: str, path: str) -> object:
        """Call a service; the answer has a ``status``."""
        ...


class Traffic:
    """Call a service from a thread until the block ends, about 50 times a second.

    Args:
        platform: what knows how to call a service.
        service: name of the service.
        path: path to call.
    """

    def __init__(self, platform: Called, service: str, path: str) -> None:
        self._platform, self._service, self._path = platform, service, path
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.requests = 0
        self.failures: list[str] = []

    def _run(self) -> None:
        while not self._stop.is_set():
            self.requests += 1
            try:
                status = getattr(self._platform.call(self._service, self._path), "status", None)
                if status != 200:
                    self.failures.append(f"status {status}")
            except OSError as error:
                self.failures.append(repr(error))
            time.sleep(0.02)

    def __enter__(self) -> Traffic:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stop.set()
        self._thread.join(30)
