"""What a task prints while it runs: everything goes through here."""

from __future__ import annotations

from collections.abc import Callable

Write = Callable[[str, str | None], None]


class Progress:
    """The lines of one task.

    Args:
        write: prints a line in a colour, at once, without what nobody may see.
        verbose: whether details show (-v).
    """

    def __init__(self, write: Write, *, verbose: bool = False) -> None:
        self._write = write
        self._verbose = verbose

    def say(self, text: str, colour: str | None = None) -> None:
        """Print a line that everybody sees.

        Args:
            text: the line.
            colour: as Ansible names it, None for the terminal's own.
        """
        self._write(text, colour)

    def detail(self, text: str, colour: str | None = None) -> None:
        """Print a line that shows with -v only; arguments as `say`."""
        if self._verbose:
            self._write(text, colour)
