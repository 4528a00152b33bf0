"""A file that people name for an answer."""

from __future__ import annotations

import os
from pathlib import Path

from ansible_collections.quayside.fargate.plugins.plugin_utils.errors import StackError


def write(name: str, text: str, *, check: bool) -> bool:
    """Write a text into a file unless it is there, and return whether that changes the file.

    Args:
        name: of the file; a relative one is below the folder that ansible-playbook was called in.
        text: all that is to be in it.
        check: whether it only says what would change.

    Raises: StackError if the file can't be written.
    """
    path = Path(os.environ.get("PWD", "")) / name
    try:
        changed = not path.exists() or path.read_text(encoding="utf-8") != text
        if changed and not check:
            path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise StackError(
            f"The file {path} can't be written: {error.strerror}. Give another with -e output=FILE."
        ) from error
    return changed
