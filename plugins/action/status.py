"""Tell what stands on a platform, inside ansible-playbook."""

from __future__ import annotations

import json
from typing import Any

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ansible_collections.quayside.fargate.plugins.plugin_utils import aws
from ansible_collections.quayside.fargate.plugins.plugin_utils.errors import StackError
from ansible_collections.quayside.fargate.plugins.plugin_utils.status import Status, table

display = Display()

# plugins/modules/status.py documents these; a test holds the two together.
OPTIONS: dict[str, dict[str, Any]] = {
    "platform": {"type": "str", "required": True},
    "service": {"type": "str"},
    "show": {"type": "str", "choices": ["table", "json", "nothing"], "default": "nothing"},
    "region": {"type": "str"},
    "profile": {"type": "str"},
    "endpoint_url": {"type": "str"},
}


class ActionModule(ActionBase):  # type: ignore[misc]
    """The action quayside.fargate.status."""

    _supports_check_mode = True
    _supports_async = False

    def run(
        self, tmp: str | None = None, task_vars: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Ask AWS; plugins/modules/status.py documents it."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        _, options = self.validate_argument_spec(OPTIONS)
        try:
            account = aws.Account(options["region"], options["profile"], options["endpoint_url"])
            status = Status(account, options["platform"]).of(options["service"])
        except StackError as error:
            return {**result, "failed": True, "msg": str(error)}
        lines = table(status)
        shown = {"table": "\n".join(lines), "json": json.dumps(status, indent=2)}
        if options["show"] in shown:
            # Ansible's own way to show a result would break the lines.
            display.display(shown[options["show"]])
        return {**result, "changed": False, "status": status, "table": lines}
