"""Find out what a service's alarms must know of its tasks, inside ansible-playbook."""

from __future__ import annotations

from typing import Any, ClassVar

from ansible_collections.quayside.fargate.custom_resources.contract.names import Service
from ansible_collections.quayside.fargate.plugins.plugin_utils import aws, watched_tasks
from ansible_collections.quayside.fargate.plugins.plugin_utils.action import (
    AWS_OPTIONS,
    Action,
    Options,
)
from ansible_collections.quayside.fargate.plugins.plugin_utils.errors import StackError
from ansible_collections.quayside.fargate.plugins.plugin_utils.services import find_ecs_service


class ActionModule(Action):  # type: ignore[misc]
    """The action quayside.fargate.watched_tasks."""

    _supports_check_mode = True
    options: ClassVar[Options] = {
        "variables": {"type": "dict", "required": True},
        **AWS_OPTIONS,
    }

    def outcome(self, options: dict[str, Any]) -> dict[str, Any]:
        """Ask ECS; what it doesn't tell is as the variables say."""
        values = options["variables"]
        service = Service(values["platform"], values["name"])
        warnings = []
        try:
            found = find_ecs_service(aws.Account.of(options).client("ecs"), service)
        except StackError as error:
            found = None
            warnings.append(
                f"Whether {service} is to have no task now isn't known, so that its alarms go by "
                f"its variables: {error}"
            )
        wanted = None if found is None else found["desiredCount"]
        return {
            "changed": False,
            "options": watched_tasks.options(values, wanted),
            "warnings": warnings,
        }
