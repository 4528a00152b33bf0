"""Deploy or delete one CloudFormation stack, in the process of ansible-playbook's worker."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, ClassVar

from ansible_collections.quayside.fargate.plugins.plugin_utils import (
    falls,
    parameters,
    preview,
    template,
)
from ansible_collections.quayside.fargate.plugins.plugin_utils.action import (
    AWS_OPTIONS,
    TIMEOUT_OPTION,
    Action,
    Options,
)
from ansible_collections.quayside.fargate.plugins.plugin_utils.deployment import Deployment
from ansible_collections.quayside.fargate.plugins.plugin_utils.draft import Draft

_TOLD = {"changes", "diff", "news", "stops"}


class ActionModule(Action):  # type: ignore[misc]
    """The action quayside.fargate.stack."""

    _supports_check_mode = True
    _secrets: Iterable[str] = ()
    options: ClassVar[Options] = {
        "name": {"type": "str", "required": True},
        "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        "before": {"type": "str"},
        "template": {"type": "str"},
        "variable_prefix": {"type": "str"},
        "variables": {"type": "dict", "default": {}},
        "given": {"type": "list", "elements": "str"},
        "allow": {"type": "list", "elements": "str", "default": []},
        "allow_used": {"type": "list", "elements": "str", "default": []},
        "parameters": {"type": "dict", "default": {}},
        "parameters_from": {"type": "list", "elements": "str", "default": []},
        "any_version": {"type": "list", "elements": "str", "default": []},
        "missing_sources": {"type": "dict", "default": {}},
        "initial_parameters": {"type": "dict", "default": {}},
        "files": {"type": "dict", "default": {}},
        "overlay": {"type": "dict", "default": {}},
        "overlay_names": {"type": "list", "elements": "str", "default": [*falls.UNSEEN]},
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
        "purpose": {
            "type": "str",
            "choices": ["deployment", "rollback", "repair"],
            "default": "deployment",
        },
        **TIMEOUT_OPTION,
        **AWS_OPTIONS,
    }
    exclusive: ClassVar[list[tuple[str, str]]] = [
        ("role_arn", "role_arn_from"),
        ("artifacts_bucket", "artifacts_bucket_from"),
    ]

    def outcome(self, options: dict[str, Any]) -> dict[str, Any]:
        """Bring the stack to the wanted state."""
        draft = self._draft(options)
        check = bool(self._task.check_mode)
        diff = bool(self._task.diff)
        deployment = Deployment(options, self.clock, check=check, diff=diff, progress=self.progress)
        if options["state"] == "absent":
            result = dict(deployment.absent())
        else:
            draft = draft or deployment.kept_draft()
            self._secrets = draft.secrets
            result = dict(deployment.present(draft))
        told = self._told(options["name"], result)
        if diff and told:
            result["diff"] = [{"prepared": "\n".join(told) + "\n"}]
        elif check:
            for line in told:
                self.progress.say(line)
        # CloudFormation repeats values there, and a NoEcho one wherever it isn't known to be it.
        hidden = {name: self._hidden(result[name]) for name in _TOLD & result.keys()}
        return {"name": options["name"], **result, **hidden}

    def _draft(self, options: dict[str, Any]) -> Draft | None:
        """Return what can be read and checked before AWS is called."""
        if options["state"] == "absent" or not options["template"]:
            return None
        path = self._find_needle("templates", options["template"])
        return Draft.of(options, template.read(Path(path)), path)

    def _told(self, name: str, result: dict[str, Any]) -> list[str]:
        """Take out of a result what it is told by, and return the lines that say what changes."""
        state, notes = result.pop("state"), result.pop("notes")
        if not result["changed"]:
            return []
        diff, verbose = bool(self._task.diff), self.progress.verbose
        made = result["changes"]
        told = list(preview.lines(name, made, notes, state=state, diff=diff, verbose=verbose))
        # Those of new resources are told, and would make the result long.
        result["changes"] = [it | {"values": []} if it["action"] == "Add" else it for it in made]
        return told

    def _hidden(self, value: Any) -> Any:
        if isinstance(value, str):
            return self.hide(value)
        if isinstance(value, list):
            return [self._hidden(item) for item in value]
        if isinstance(value, dict):
            return {key: self._hidden(item) for key, item in value.items()}
        return value

    def hide(self, text: str) -> str:
        """Return a text without the values of the template's NoEcho parameters."""
        return str(parameters.hide(text, self._secrets))
