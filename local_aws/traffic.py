"""Requests, counted in one way: how many were sent, how many were answered, and what failed."""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Self, TypeVar

_SHOWN_FAILURES = 5

Answer = TypeVar("Answer")


class WrongAnswerError(Exception):
    """A request was answered otherwise than it must be."""


class Traffic:
    """Requests that somebody sends, counted.

    Attributes:
        sent: how many there were.
        failures: a line for each that wasn't answered as it must be, the first one first.
    """

    def __init__(self) -> None:
        self.sent = 0
        self.failures: list[str] = []

    @property
    def answered(self) -> int:
        """How many were answered as they must be."""
        return self.sent - self.failed

    @property
    def failed(self) -> int:
        """How many were not."""
        return len(self.failures)

    @property
    def first_failure(self) -> str:
        """What went wrong first; empty if nothing did."""
        return self.failures[0] if self.failures else ""

    def told(self, name: str) -> str:
        """Return a sentence with the count, and the first failures.

        Args:
            name: of whom was asked.
        """
        told = f"{name} answered {self.answered} of {self.sent} requests as it must"
        return "; ".join([told, *self.failures[:_SHOWN_FAILURES]])

    def send(self, what: str, request: Callable[[], Answer]) -> Answer | None:
        """Send a request and count it.

        Args:
            what: it is, as a failure is to name it.
            request: sends it and returns the answer; it raises WrongAnswerError for one that
                isn't as it must be.

        Returns:
            the answer, or None after a failure.
        """
        began = time.monotonic()
        try:
            answer = request()
        except (OSError, http.client.HTTPException, ValueError, WrongAnswerError) as error:
            took = time.monotonic() - began
            reason = str(error) or type(error).__name__
            self.failures.append(f"{what} after {took:.1f} s: {reason}")
            answer = None
        self.sent += 1
        return answer

    @contextmanager
    def meanwhile(self, some: Callable[[], object], pause: float = 0) -> Iterator[Self]:
        """Send requests as long as the ``with`` block lasts.

        Args:
            some: sends one or several by `send`; it is called again and again.
            pause: seconds between two calls.
        """
        over = threading.Event()

        def go_on() -> None:
            while not over.is_set():
                some()
                over.wait(pause)

        thread = threading.Thread(target=go_on, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            over.set()
            thread.join()
