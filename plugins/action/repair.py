"""Make the database of a service and its secrets agree again, inside ansible-playbook."""

from __future__ import annotations

from typing import Any, ClassVar

from ansible_collections.quayside.fargate.custom_resources.contract import names, stacks
from ansible_collections.quayside.fargate.plugins.plugin_utils import aws, repair, services
from ansible_collections.quayside.fargate.plugins.plugin_utils.action import (
    AWS_OPTIONS,
    TIMEOUT_OPTION,
    Action,
    Options,
)
from ansible_collections.quayside.fargate.plugins.plugin_utils.stack import describe


class ActionModule(Action):  # type: ignore[misc]
    """The action quayside.fargate.repair."""

    _supports_check_mode = True
    options: ClassVar[Options] = {
        "platform": {"type": "str", "required": True},
        "service": {"type": "str", "required": True},
        "ownership": {"type": "str", "default": ""},
        **TIMEOUT_OPTION,
        **AWS_OPTIONS,
    }

    def outcome(self, options: dict[str, Any]) -> dict[str, Any]:
        """Update the stack, and say what stands."""
        service = names.Service(options["platform"], options["service"])
        repair.refuse_ownership(service.name, options["ownership"])
        given = stacks.parameters(_stack(aws.Account.of(options), service))
        wanted = repair.parameters(service.stack, given, gives=bool(options["ownership"]))
        passed = {name: options[name] for name in (*TIMEOUT_OPTION, *AWS_OPTIONS) if options[name]}
        result: dict[str, Any] = self.updated(
            service.stack, parameters=wanted, purpose="repair", **passed
        )
        if not result.get("failed") and not self._task.check_mode:
            self.progress.say(repair.told(str(service), given.get("ActiveUser", ""), result))
        return result


def _stack(account: aws.Account, service: names.Service) -> dict[str, Any]:
    """Return the service's stack (DescribeStacks)."""
    client = account.client("cloudformation")
    states = services.stack_states(client)
    services.refuse_unknown_platform(states, service.platform, account.region)
    description: dict[str, Any] | None = describe(client, service.stack)
    if description is None:
        raise services.missing(service.stack)
    return description
