"""Look at what a service's deployment would fail of, inside ansible-playbook."""

from __future__ import annotations

import json
from typing import Any, ClassVar

from ansible_collections.quayside.fargate.plugins.plugin_utils import doctor, screen, verify
from ansible_collections.quayside.fargate.plugins.plugin_utils.action import (
    AWS_OPTIONS,
    Action,
    Options,
)


class ActionModule(Action):  # type: ignore[misc]
    """The action quayside.fargate.verify."""

    _supports_check_mode = True
    options: ClassVar[Options] = {
        "variables": {"type": "dict", "required": True},
        "sources": {"type": "dict", "required": True},
        "show": {"type": "str", "choices": ["table", "json", "nothing"], "default": "nothing"},
        "refuse": {"type": "bool", "default": False},
        **AWS_OPTIONS,
    }

    def outcome(self, options: dict[str, Any]) -> dict[str, Any]:
        """Look, print what was found as it is wanted, and refuse what would fail."""
        if options["variables"].get("state") == "absent":
            verified = verify.Verified([], "", None)
        else:
            verified = verify.examine(options, planned=bool(self._task.check_mode))
        document, lines = doctor.document(verified.findings), doctor.table(verified.findings)
        shown = {"table": "\n".join(lines), "json": json.dumps(document, indent=2)}
        if options["show"] in shown:
            # Ansible's own way to show a result would break the lines.
            screen.answer(shown[options["show"]])
        known = verified.secret_versions
        result = {
            "changed": False,
            **document,
            "verdict": verified.verdict,
            "table": lines,
            "image": verified.image,
            "options": {} if known is None else {"secret_versions": known},
        }
        if options["refuse"]:
            result["warnings"] = verified.warnings
            refused = verified.verdict or verified.unpinned
            result |= {"failed": True, "msg": refused} if refused else {}
        return result
