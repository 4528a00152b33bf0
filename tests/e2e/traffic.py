"""Steady HTTP traffic on a service, counted."""

from __future__ import annotations

from typing import Protocol

from tests.repeating import Repeating


class Called(Protocol):
    """What traffic is sent to."""

    def call(self, service: str, path: str) -> object:
        """Call a service; the answer has a ``status``."""
        ...


class Traffic(Repeating):
    """Call a service from a thread until the block ends, about 50 times a second.

    Args:
        platform: what knows how to call a service.
        service: name of the service.
        path: path to call.
    """

    def __init__(self, platform: Called, service: str, path: str) -> None:
        super().__init__(pause=0.02)
        self._platform, self._service, self._path = platform, service, path
        self.requests = 0
        self.failures: list[str] = []

    def once(self) -> None:
        """Call it, and note a failure."""
        self.requests += 1
        try:
            status = getattr(self._platform.call(self._service, self._path), "status", None)
            if status != 200:
                self.failures.append(f"status {status}")
        except OSError as error:
            self.failures.append(repr(error))
