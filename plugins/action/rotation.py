"""Rotate the database users of one service, or cancel a flip, inside ansible-playbook."""

from __future__ import annotations

from typing import Any, ClassVar

from ansible_collections.quayside.fargate.custom_resources.contract import names
from ansible_collections.quayside.fargate.plugins.plugin_utils import aws
from ansible_collections.quayside.fargate.plugins.plugin_utils.action import (
    AWS_OPTIONS,
    TIMEOUT_OPTION,
    Action,
    Options,
)
from ansible_collections.quayside.fargate.plugins.plugin_utils.rotation import Rotation


class ActionModule(Action):  # type: ignore[misc]
    """The action quayside.fargate.rotation."""

    _supports_check_mode = False
    options: ClassVar[Options] = {
        "platform": {"type": "str", "required": True},
        "service": {"type": "str", "required": True},
        "users": {"type": "str", "choices": ["idle", "both"], "default": "idle"},
        "state": {"type": "str", "choices": ["rotated", "aborted"], "default": "rotated"},
        **TIMEOUT_OPTION,
        **AWS_OPTIONS,
    }

    def outcome(self, options: dict[str, Any]) -> dict[str, Any]:
        """Rotate or abort."""
        service = names.Service(options["platform"], options["service"])
        rotation = Rotation(aws.Account.of(options), service, self.clock, self.progress)
        if options["state"] == "aborted":
            return dict(rotation.abort())
        return dict(rotation.rotate(every=options["users"] == "both"))
