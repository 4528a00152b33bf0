"""Say whether ECS's service-linked role is to be created, inside ansible-playbook."""

from __future__ import annotations

from typing import Any, ClassVar

from ansible_collections.quayside.fargate.plugins.plugin_utils import aws
from ansible_collections.quayside.fargate.plugins.plugin_utils.action import (
    AWS_OPTIONS,
    Action,
    Options,
)
from ansible_collections.quayside.fargate.plugins.plugin_utils.errors import StackError


class ActionModule(Action):  # type: ignore[misc]
    """The action quayside.fargate.linked_role."""

    _supports_check_mode = True
    options: ClassVar[Options] = {
        "name": {"type": "str", "required": True},
        "wanted": {"type": "str", "choices": ["auto", "create", "exists"], "default": "auto"},
        **AWS_OPTIONS,
    }

    def outcome(self, options: dict[str, Any]) -> dict[str, Any]:
        """Ask AWS only if nobody says it."""
        wanted = options["wanted"]
        create = wanted == "create" or (wanted == "auto" and not _is_there(options))
        return {"changed": False, "create": create}


def _is_there(options: dict[str, Any]) -> bool:
    client = aws.Account.of(options).client("iam")
    try:
        client.get_role(RoleName=options["name"])
    except aws.AwsError as error:
        if aws.code(error) == "NoSuchEntity":
            return False
        raise StackError(aws.explain(error, f"GetRole of {options['name']}")) from error
    return True
