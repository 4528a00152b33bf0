"""The options of a task of quayside.fargate.stack, for tests that use the action's own code."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

sys.path.insert(0, str(Path(__file__).parents[1] / "collections"))
from ansible_collections.quayside.fargate.plugins.action.stack import ActionModule


def options(**given: Any) -> dict[str, Any]:
    """Return a task's options as the action gets them: those given, and the defaults of the rest.

    Raises:
        ValueError: the action would refuse them.
    """
    checked = ArgumentSpecValidator(ActionModule.options).validate(given)
    if checked.error_messages:
        raise ValueError("; ".join(checked.error_messages))
    return dict(checked.validated_parameters)
