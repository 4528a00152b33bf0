"""Find the zips of the Lambda functions, inside ansible-playbook."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

from ansible_collections.quayside.fargate.plugins.plugin_utils import function_files
from ansible_collections.quayside.fargate.plugins.plugin_utils.action import Action, Options


class ActionModule(Action):  # type: ignore[misc]
    """The action quayside.fargate.function_files."""

    _supports_check_mode = True
    options: ClassVar[Options] = {
        "directory": {"type": "path", "required": True},
        "runtime": {"type": "str", "required": True},
        "architecture": {"type": "str", "required": True},
        "variable_prefix": {"type": "str", "required": True},
    }

    def outcome(self, options: dict[str, Any]) -> dict[str, Any]:
        """Return the files by their functions' names."""
        files = function_files.files(
            Path(options["directory"]),
            options["runtime"],
            options["architecture"],
            options["variable_prefix"],
        )
        return {"changed": False, "files": files}
