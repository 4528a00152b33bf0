"""Rotate the database users of one service, or cancel a flip, inside ansible-playbook."""

from __future__ import annotations

from typing import Any, ClassVar

from ansible_collections.quayside.fargate.custom_resources.contract import names
from ansible_collections.quayside.fargate.plugins.plugin_utils import aws, rotation_words
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
        "all": {"type": "bool", "default": False},
        "abort": {"type": "bool", "default": False},
        **TIMEOUT_OPTION,
        **AWS_OPTIONS,
    }

    def outcome(self, options: dict[str, Any]) -> dict[str, Any]:
        """Rotate or abort, and say who is active then."""
        every, abort = options["all"], options["abort"]
        rotation_words.refuse_two_wishes(every=every, abort=abort)
        service = names.Service(options["platform"], options["service"])
        rotation = Rotation(aws.Account.of(options), service, self.clock, self.progress)
        result = dict(rotation.abort() if abort else rotation.rotate(every=every))
        seconds = self.clock.elapsed
        told = rotation_words.told(str(service), result, abort=abort, seconds=seconds)
        self.progress.say(" ".join(told))
        return result
