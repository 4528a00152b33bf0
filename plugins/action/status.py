"""Tell what stands on a platform, inside ansible-playbook."""

from __future__ import annotations

import json
from typing import Any, ClassVar

from ansible_collections.quayside.fargate.plugins.plugin_utils import (
    aws,
    outdated,
    output_file,
    screen,
)
from ansible_collections.quayside.fargate.plugins.plugin_utils.action import (
    AWS_OPTIONS,
    Action,
    Options,
)
from ansible_collections.quayside.fargate.plugins.plugin_utils.status import Status
from ansible_collections.quayside.fargate.plugins.plugin_utils.status_table import table


class ActionModule(Action):  # type: ignore[misc]
    """The action quayside.fargate.status."""

    _supports_check_mode = True
    options: ClassVar[Options] = {
        "platform": {"type": "str", "required": True},
        "service": {"type": "str"},
        "show": {"type": "str", "choices": ["table", "json", "nothing"], "default": "nothing"},
        "output": {"type": "path"},
        "outdated": {"type": "bool", "default": False},
        **AWS_OPTIONS,
    }

    def outcome(self, options: dict[str, Any]) -> dict[str, Any]:
        """Ask AWS, and print or write the answer as it is wanted."""
        account = aws.Account.of(options)
        asked = Status(
            account,
            options["platform"],
            self.clock,
            self.progress,
            thorough=options["outdated"],
        )
        status = asked.of(options["service"])
        lines, document = table(status), json.dumps(status, indent=2)
        only = outdated.lines(status) if options["outdated"] else lines
        shown = {"table": "\n".join(only), "json": document}
        changed = False
        if options["output"]:
            check = bool(self._task.check_mode)
            changed = output_file.write(options["output"], document + "\n", check=check)
        elif options["show"] in shown:
            # Ansible's own way to show a result would break the lines.
            screen.answer(shown[options["show"]])
        if options["outdated"]:
            outdated.refuse(status)
        return {"changed": changed, "status": status, "table": lines}
