"""What others wrote, made harmless for a terminal.

A terminal obeys control characters: an application's line, or what a client made it write, could
otherwise clear the screen, hide lines, or type an answer into the shell (ECMA-48; C1 controls are
obeyed as single characters too). Characters that turn the direction of writing make a line read as
what it doesn't say (Unicode technical report 36).
"""

from __future__ import annotations

import re

# Colours and weights are for people, and are of no use here: taken away.
_COLOUR = re.compile(r"\x1b\[[0-9;:]*m")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]")


def harmless(text: str) -> str:
    r"""Return a text whose control characters show as ``\x1b``; tabs and line feeds stay."""
    return _CONTROL.sub(_shown, _COLOUR.sub("", text).replace("\r\n", "\n"))


def _shown(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"  # noqa: PLR2004 - of two digits
