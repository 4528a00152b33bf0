"""Tell what became of a service, inside ansible-playbook."""

from __future__ import annotations

import json
from typing import Any, ClassVar

from ansible_collections.quayside.fargate.custom_resources.contract.names import Service
from ansible_collections.quayside.fargate.plugins.plugin_utils import aws, history, screen
from ansible_collections.quayside.fargate.plugins.plugin_utils.action import (
    AWS_OPTIONS,
    Action,
    Options,
)
from ansible_collections.quayside.fargate.plugins.plugin_utils.history_calls import History


class ActionModule(Action):  # type: ignore[misc]
    """The action quayside.fargate.history."""

    _supports_check_mode = True
    options: ClassVar[Options] = {
        "platform": {"type": "str", "required": True},
        "service": {"type": "str", "required": True},
        "limit": {"type": "int", "default": 20},
        "show": {"type": "str", "choices": ["table", "json", "nothing"], "default": "nothing"},
        **AWS_OPTIONS,
    }

    def outcome(self, options: dict[str, Any]) -> dict[str, Any]:
        """Ask AWS, and print the answer as it is wanted."""

        def account(region: str | None) -> aws.Account:
            return aws.Account.of({**options, "region": region or options["region"]})

        service = Service(options["platform"], options["service"])
        told = History(account, service).entries(options["limit"])
        lines = history.table(told)
        shown = {"table": "\n".join(lines), "json": json.dumps(told, indent=2)}
        if options["show"] in shown:
            screen.answer(shown[options["show"]])
        return {"changed": False, "history": told, "table": lines}
