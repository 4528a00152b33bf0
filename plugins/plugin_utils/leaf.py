"""A single value as a change shows it: without what may be a secret, cut where it is long."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ansible_collections.quayside.fargate.plugins.plugin_utils import secrecy

HIDDEN = "(not shown)"
LATER = "{{changeSet:KNOWN_AFTER_APPLY}}"
_TRUNCATED = re.compile(r"\(Truncated-Signature\):\w*")
_TOO_LONG = "(too long for CloudFormation to say)"
_DIGEST = re.compile(r"(sha256:[0-9a-f]{12})[0-9a-f]{52}\b")
_MOST = 200  # characters of a value


@dataclass(frozen=True)
class Leaf:
    """A single value: as it is, to be compared, and as it may be shown."""

    text: str | None
    shown: str

    @classmethod
    def of(cls, text: str, *, secret: bool = False) -> Leaf:
        """Return a value, hidden if it is a secret by its name or by its look."""
        if secret or secrecy.is_secret_value(text):
            return cls(text, HIDDEN)
        shown = text.replace(LATER, "(known after the deployment)")
        shown = _TRUNCATED.sub(_TOO_LONG, _DIGEST.sub(r"\1...", shown))
        return cls(text, shown if len(shown) <= _MOST else f"{shown[:_MOST]}...")


ABSENT = Leaf(None, "(none)")
