"""Take a service back to what it ran before, inside ansible-playbook."""

from __future__ import annotations

from typing import Any, ClassVar

from ansible_collections.quayside.fargate.custom_resources.contract.names import Service
from ansible_collections.quayside.fargate.plugins.plugin_utils import aws, rollback
from ansible_collections.quayside.fargate.plugins.plugin_utils.action import (
    AWS_OPTIONS,
    TIMEOUT_OPTION,
    Action,
    Options,
)


class ActionModule(Action):  # type: ignore[misc]
    """The action quayside.fargate.rollback."""

    _supports_check_mode = True
    options: ClassVar[Options] = {
        "platform": {"type": "str", "required": True},
        "service": {"type": "str", "required": True},
        "revision": {"type": "str", "default": ""},
        **TIMEOUT_OPTION,
        **AWS_OPTIONS,
    }

    def outcome(self, options: dict[str, Any]) -> dict[str, Any]:
        """Find the way back, say it, and update the stack."""

        def account(region: str | None) -> aws.Account:
            return aws.Account.of({**options, "region": region or options["region"]})

        service = Service(options["platform"], options["service"])
        asked = rollback.Rollback(account, service, self.clock, self.progress)
        way = asked.way(str(options.get("revision") or ""))
        for line in rollback.told(service, way):
            self.progress.say(line)
        about = {
            "from": way.start.name,
            "to": way.goal.name,
            "undone": way.plan.told,
            "warnings": way.warnings,
        }
        if way.plan.is_empty:
            return {"changed": False, **about}
        passed = {name: options[name] for name in (*TIMEOUT_OPTION, *AWS_OPTIONS) if options[name]}
        bucket = asked.bucket()
        result = self.updated(
            service.stack,
            parameters=way.plan.parameters,
            overlay=way.overlay,
            purpose="rollback",
            **({"artifacts_bucket": bucket} if bucket else {}),
            **passed,
        )
        if not result.get("failed") and not self._task.check_mode:
            self.progress.say(rollback.ended(service, way, result))
        return {**result, **about, "warnings": [*way.warnings, *result.get("warnings", [])]}
