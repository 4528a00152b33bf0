"""Deploy or delete one CloudFormation stack, in the process of ansible-playbook's worker."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ansible_collections.quayside.fargate.plugins.plugin_utils import parameters, template
from ansible_collections.quayside.fargate.plugins.plugin_utils.deployment import Deployment, Draft
from ansible_collections.quayside.fargate.plugins.plugin_utils.errors import StackError
from ansible_collections.quayside.fargate.plugins.plugin_utils.stack import Clock

display = Display()

# plugins/modules/stack.py documents these; a test holds the two together.
OPTIONS: dict[str, dict[str, Any]] = {
    "name": {"type": "str", "required": True},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "template": {"type": "str"},
    "variable_prefix": {"type": "str"},
    "parameters": {"type": "dict", "default": {}},
    "parameters_from": {"type": "list", "elements": "str", "default": []},
    "initial_parameters": {"type": "dict", "default": {}},
    "files": {"type": "dict", "default": {}},
    "overlay": {"type": "dict", "default": {}},
    "tags": {"type": "dict", "default": {}},
    "role_arn": {"type": "str"},
    "role_arn_from": {"type": "str"},
    "artifacts_bucket": {"type": "str"},
    "artifacts_bucket_from": {"type": "str"},
    "capabilities": {
        "type": "list",
        "elements": "str",
        "choices": ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"],
        "default": ["CAPABILITY_NAMED_IAM"],
    },
    "termination_protection": {"type": "bool"},
    "timeout": {"type": "int", "default": 3600},
    "region": {"type": "str"},
    "profile": {"type": "str"},
    "endpoint_url": {"type": "str"},
}
EXCLUSIVE = [("role_arn", "role_arn_from"), ("artifacts_bucket", "artifacts_bucket_from")]


class ActionModule(ActionBase):  # type: ignore[misc]
    """The action quayside.fargate.stack."""

    _supports_check_mode = True
    _supports_async = False

    def run(
        self, tmp: str | None = None, task_vars: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Bring the stack to the wanted state; plugins/modules/stack.py documents it."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        _, options = self.validate_argument_spec(OPTIONS, mutually_exclusive=EXCLUSIVE)
        self._secrets: list[str] = []
        clock = Clock(options["timeout"])
        try:
            result.update(self._outcome(options, clock))
        except StackError as error:
            result.update(failed=True, msg=parameters.hide(str(error), self._secrets))
        if not self._task.diff:
            result.pop("diff", None)
        result["seconds"] = round(clock.elapsed, 1)
        return result

    def _outcome(self, options: dict[str, Any], clock: Clock) -> dict[str, Any]:
        draft = self._draft(options)
        check = bool(self._task.check_mode)
        deployment = Deployment(options, clock, check=check, show=self._show)
        if options["state"] == "absent":
            return dict(deployment.absent())
        draft = draft or deployment.kept_draft()
        self._secrets = draft.secrets
        return dict(deployment.present(draft))

    def _draft(self, options: dict[str, Any]) -> Draft | None:
        """Return what can be read and checked before AWS is called."""
        if options["state"] == "absent" or not options["template"]:
            return None
        path = self._find_needle("templates", options["template"])
        return Draft.of(options, template.read(Path(path)), path)

    def _show(self, text: str, colour: str | None) -> None:
        display.display(parameters.hide(text, self._secrets), color=colour)
