"""Say what to use of what was deployed, inside ansible-playbook."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from ansible_collections.quayside.fargate.plugins.plugin_utils.action import Action, Options


class ActionModule(Action):  # type: ignore[misc]
    """The action quayside.fargate.summary."""

    _supports_check_mode = True
    options: ClassVar[Options] = {
        "rows": {"type": "list", "elements": "dict", "required": True},
    }

    def outcome(self, options: dict[str, Any]) -> dict[str, Any]:
        """Print the rows; in check mode nothing was deployed, and nothing is printed."""
        told = table({str(row["name"]): row["use"] for row in options["rows"]})
        if not self._task.check_mode:
            for line in told:
                self.progress.say(line)
        return {"changed": False, "table": told}


def table(rows: Mapping[str, Any]) -> list[str]:
    """Return rows as lines of two columns; what is empty is left out.

    Args:
        rows: by name a text, a list of texts, or texts by their names.
    """
    texts = {name: _text(use) for name, use in rows.items()}
    known = {name: text for name, text in texts.items() if text}
    width = max(map(len, known), default=0)
    return [f"{name.ljust(width)}  {text}" for name, text in known.items()]


def _text(use: Any) -> str:
    if isinstance(use, list):
        return "; ".join(map(str, use))
    if not isinstance(use, Mapping):
        return str(use or "")
    return ", ".join(f"{name} {text}" for name, text in use.items() if text)
