"""Something that is done again and again beside a block."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from types import TracebackType
from typing import Self

_PATIENCE = 30  # seconds for the last time


class Repeating(ABC):
    """Do something from a thread until the block ends.

    Args:
        pause: seconds between two times.
    """

    def __init__(self, pause: float) -> None:
        self._pause = pause
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    @abstractmethod
    def once(self) -> None:
        """Do it once, and note what came; it raises nothing."""

    def _run(self) -> None:
        while not self._stop.is_set():
            self.once()
            self._stop.wait(self._pause)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stop.set()
        self._thread.join(_PATIENCE)
        assert not self._thread.is_alive(), f"{type(self).__name__} hangs"
