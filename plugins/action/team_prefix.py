"""Refuse a service that isn't its team's by its name, inside ansible-playbook."""

from __future__ import annotations

from typing import Any, ClassVar

from ansible_collections.quayside.fargate.custom_resources.contract.stacks import parameters
from ansible_collections.quayside.fargate.plugins.plugin_utils import aws, platform_stacks, teams
from ansible_collections.quayside.fargate.plugins.plugin_utils.action import (
    AWS_OPTIONS,
    Action,
    Options,
)
from ansible_collections.quayside.fargate.plugins.plugin_utils.platform_stacks import DEPLOYMENT
from ansible_collections.quayside.fargate.plugins.plugin_utils.stack import describe


class ActionModule(Action):  # type: ignore[misc]
    """The action quayside.fargate.team_prefix."""

    _supports_check_mode = True
    options: ClassVar[Options] = {
        "platform": {"type": "str", "required": True},
        "team": {"type": "str", "required": True},
        "service": {"type": "str", "required": True},
        **AWS_OPTIONS,
    }

    def outcome(self, options: dict[str, Any]) -> dict[str, Any]:
        """Ask the team's stack; one that isn't there is the deployment's to name."""
        client = aws.Account.of(options).client("cloudformation")
        name = platform_stacks.name(DEPLOYMENT, options["platform"], options["team"])
        stack = describe(client, name)
        prefix = parameters(stack or {}).get("ServicePrefix", "")
        teams.refuse_another_teams(options["service"], options["team"], prefix)
        return {"changed": False, "prefix": prefix}
