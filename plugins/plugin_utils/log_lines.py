"""Lines of a container's log, without what may be a secret."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ansible_collections.quayside.fargate.plugins.plugin_utils import secrecy, values
from ansible_collections.quayside.fargate.plugins.plugin_utils.leaf import HIDDEN

_NAME = rf"(?:{secrecy.NAME}|pass|(?<![a-z])pin(?![a-z]))[\w-]{{0,60}}"
_LEADS_TO = r"[\'\"]?\s*(?:[=:]+>?|->)\s*"
_QUOTED = r"\'[^\']*\'?|\"[^\"]*\"?"
# Each keeps what leads to a secret, and takes the secret away.
_SECRETS = [
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        # The rest of the line: a scheme and its word, a cookie and its attributes.
        rf"((?:authorization|cookie)[\w-]{{0,60}}{_LEADS_TO})(?:{_QUOTED}|.+)",
        rf"({_NAME}{_LEADS_TO})(?:{_QUOTED}|\S+)",
        r"(\bbearer\s+)\S+",
        # In a sentence only what has a digit: `password authentication failed` is to be read.
        rf"({_NAME}[\'\"]?\s+(?:is\s+)?)(?=\S*\d)\S+",
    )
]
_LONG = 32  # letters and digits that a generator makes; a path's parts and a UUID's are shorter
_WORD = re.compile(rf"[\w+/=-]{{{_LONG},}}", re.ASCII)
_ARN = re.compile(r"(\barn:aws[\w:/.+=@-]+)", re.ASCII)  # a name, and whom AWS denies something
_PEM = re.compile(r"-----(BEGIN|END) ")


def without_secrets(lines: Sequence[str]) -> list[str]:
    """Return lines as they may be shown.

    Args:
        lines: in a row; the first may stand within a key whose beginning isn't among them.
    """
    markers = [_PEM.findall(line) for line in lines]
    within = next((found[0] == "END" for found in markers if found), False)
    shown = []
    for line, found in zip(lines, markers, strict=True):
        shown.append(HIDDEN if within or found else _shown(line))
        within = found[-1] == "BEGIN" if found else within
    return shown


def _shown(line: str) -> str:
    words = _ARN.split(line)
    words[::2] = [_covered(between) for between in words[::2]]
    return str(values.of_input("", "".join(words)))


def _covered(text: str) -> str:
    for secret in _SECRETS:
        text = secret.sub(rf"\1{HIDDEN}", text)
    return _WORD.sub(_unless_random, text)


def _unless_random(match: re.Match[str]) -> str:
    word = match[0]
    mixed = word.lower() != word != word.upper()
    whole = any(len(part) >= _LONG for part in re.split("[/-]", word))
    numbered = re.search(r"\d", word) and re.search(r"[A-Za-z]", word)
    return str(HIDDEN) if numbered and (mixed or whole) else word
