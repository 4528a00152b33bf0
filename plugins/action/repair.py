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
        result = self._updated(service.stack, wanted, options)
        if not result.get("failed") and not self._task.check_mode:
            self.progress.say(repair.told(str(service), given.get("ActiveUser", ""), result))
        return result

    def _updated(
        self, stack: str, parameters: dict[str, Any], options: dict[str, Any]
    ) -> dict[str, Any]:
        """Return the result of quayside.fargate.stack with these parameters."""
        task = self._task.copy()
        passed = {name: options[name] for name in (*TIMEOUT_OPTION, *AWS_OPTIONS) if options[name]}
        task.args = {"name": stack, "parameters": parameters, **passed}
        action = self._shared_loader_obj.action_loader.get(
            "quayside.fargate.stack",
            task=task,
            connection=self._connection,
            play_context=self._play_context,
            loader=self._loader,
            templar=self._templar,
            shared_loader_obj=self._shared_loader_obj,
        )
        return dict(action.run(task_vars={}))


def _stack(account: aws.Account, service: names.Service) -> dict[str, Any]:
    """Return the service's stack (DescribeStacks)."""
    client = account.client("cloudformation")
    states = services.stack_states(client)
    services.refuse_unknown_platform(states, service.platform, account.region)
    description: dict[str, Any] | None = describe(client, service.stack)
    if description is None:
        raise services.missing(service.stack)
    return description
