"""Where a task's lines go: Ansible's display, from a worker that has no terminal of its own."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

from ansible import constants
from ansible.utils.display import Display

from ansible_collections.quayside.fargate.plugins.plugin_utils.progress import Progress

Hide = Callable[[str], str]

_display = Display()
# Callbacks that print lines for people. With any other, standard output is a document, or will be
# read as one, and no line of ours may stand in it.
_FOR_PEOPLE = ("calm", "default", "debug", "dense", "diy", "minimal", "oneline", "unixy", "yaml")
# Callbacks that leave standard output to what a task is asked for.
_ONLY_ANSWERS = ("silent",)
_REWRITE = "\r\x1b[K"  # to the line's beginning, and clear it
# ansible-playbook imports an action before it forks the worker that runs it, and the worker's own
# standard output is no terminal. Where nobody imported it before, it counts as a log.
_IS_TERMINAL = sys.stdout.isatty() and os.environ.get("TERM") != "dumb"


def progress(hide: Hide) -> Progress:
    """Return who prints a task's lines.

    Args:
        hide: takes out of a line what nobody may see.
    """
    aside = _callback() not in _FOR_PEOPLE
    live = _IS_TERMINAL and not aside

    def write(text: str, colour: str | None) -> None:
        _display.display(hide(text), color=colour, stderr=aside)

    def overwrite(text: str) -> None:
        _display.display(_REWRITE + hide(text), screen_only=True, newline=False)

    return Progress(
        write,
        verbose=_display.verbosity > 0,
        **({"overwrite": overwrite, "width": _display.columns} if live else {}),
    )


def answer(text: str) -> None:
    """Print what a task was asked for: on standard output, unless that is a document."""
    people = _callback() in (*_FOR_PEOPLE, *_ONLY_ANSWERS)
    _display.display(text, stderr=not people)


def _callback() -> str:
    return str(constants.DEFAULT_STDOUT_CALLBACK).rpartition(".")[2]
