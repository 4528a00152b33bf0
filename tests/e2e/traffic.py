"""Steady HTTP traffic on a service, counted."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from local_aws.traffic import Traffic, WrongAnswerError

_PAUSE = 0.02  # seconds: about 50 requests a second


class Called(Protocol):
    """What traffic is sent to."""

    def call(self, service: str, path: str) -> object:
        """Call a service; the answer has a ``status``."""
        ...


@contextmanager
def traffic_on(platform: Called, service: str, path: str) -> Iterator[Traffic]:
    """Call a service until the block ends; any answer but 200 is a failure.

    Args:
        platform: what knows how to call a service.
        service: name of the service.
        path: path to call.
    """

    def call() -> None:
        status = getattr(platform.call(service, path), "status", None)
        if status != 200:
            raise WrongAnswerError(f"status {status}")

    traffic = Traffic()
    with traffic.meanwhile(lambda: traffic.send(f"GET {path}", call), _PAUSE):
        yield traffic
