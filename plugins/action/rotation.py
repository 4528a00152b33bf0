"""Rotate the database users of one service, or cancel a flip, inside ansible-playbook."""

from __future__ import annotations

from typing import Any

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ansible_collections.quayside.fargate.plugins.plugin_utils import aws, services
from ansible_collections.quayside.fargate.plugins.plugin_utils.errors import StackError
from ansible_collections.quayside.fargate.plugins.plugin_utils.rotation import Rotation
from ansible_collections.quayside.fargate.plugins.plugin_utils.stack import Clock

display = Display()

# plugins/modules/rotation.py documents these; a test holds the two together.
OPTIONS: dict[str, dict[str, Any]] = {
    "platform": {"type": "str", "required": True},
    "service": {"type": "str", "required": True},
    "users": {"type": "str", "choices": ["idle", "both"], "default": "idle"},
    "state": {"type": "str", "choices": ["rotated", "aborted"], "default": "rotated"},
    "timeout": {"type": "int", "default": 3600},
    "region": {"type": "str"},
    "profile": {"type": "str"},
    "endpoint_url": {"type": "str"},
}


class ActionModule(ActionBase):  # type: ignore[misc]
    """The action quayside.fargate.rotation."""

    _supports_check_mode = False
    _supports_async = False

    def run(
        self, tmp: str | None = None, task_vars: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Rotate or abort; plugins/modules/rotation.py documents it."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        _, options = self.validate_argument_spec(OPTIONS)
        clock = Clock(options["timeout"])
        try:
            result.update(self._outcome(options, clock))
        except StackError as error:
            result.update(failed=True, msg=str(error))
        result["seconds"] = round(clock.elapsed, 1)
        return result

    def _outcome(self, options: dict[str, Any], clock: Clock) -> dict[str, Any]:
        account = aws.Account(options["region"], options["profile"], options["endpoint_url"])
        service = services.Service(options["platform"], options["service"])
        rotation = Rotation(account, service, clock, self._show)
        if options["state"] == "aborted":
            return dict(rotation.abort())
        return dict(rotation.rotate(every=options["users"] == "both"))

    def _show(self, text: str, colour: str | None) -> None:
        display.display(text, color=colour)
