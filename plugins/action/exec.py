"""Say how a shell in a service's container is opened, inside ansible-playbook."""

from __future__ import annotations

import json
import shutil
from typing import Any, ClassVar

from ansible_collections.quayside.fargate.custom_resources.contract.names import Service
from ansible_collections.quayside.fargate.plugins.plugin_utils import (
    aws,
    log_query,
    screen,
    shell,
)
from ansible_collections.quayside.fargate.plugins.plugin_utils.action import (
    AWS_OPTIONS,
    Action,
    Options,
)
from ansible_collections.quayside.fargate.plugins.plugin_utils.shell_calls import Door

_PROGRAMS = ("aws", "session-manager-plugin")


class ActionModule(Action):  # type: ignore[misc]
    """The action quayside.fargate.exec."""

    _supports_check_mode = True
    options: ClassVar[Options] = {
        "platform": {"type": "str", "required": True},
        "service": {"type": "str", "required": True},
        "task": {"type": "str", "default": ""},
        "command": {"type": "str", "default": "/bin/sh"},
        "check_programs": {"type": "bool", "default": True},
        "show": {"type": "str", "choices": ["table", "json", "nothing"], "default": "nothing"},
        **AWS_OPTIONS,
    }

    def outcome(self, options: dict[str, Any]) -> dict[str, Any]:
        """Look at all that a shell needs, and print the command that opens it."""
        shell.refuse_command(options["command"])
        wanted = log_query.task(options["task"])
        if options["check_programs"]:
            shell.refuse_missing(it for it in _PROGRAMS if shutil.which(it) is None)
        account = aws.Account.of(options)
        service = Service(options["platform"], options["service"])
        door = Door(account, service)
        task = shell.identity(door.task(wanted))
        audit = door.audit()
        command = shell.typed(service, task, options["command"], account.region, options["profile"])
        result = {"command": command, "task": task, "log_group": audit.group, "key": audit.key}
        if options["show"] == "table":
            screen.answer(command)
            self.progress.say(audit.sentence)
        elif options["show"] == "json":
            screen.answer(json.dumps(result, indent=2))
        return {"changed": False, **result}
