"""Find which stacks are a platform's, inside ansible-playbook."""

from __future__ import annotations

from typing import Any, ClassVar

from ansible_collections.quayside.fargate.plugins.plugin_utils import (
    aws,
    teardown_calls,
    teardown_plan,
    teardown_words,
)
from ansible_collections.quayside.fargate.plugins.plugin_utils.action import (
    AWS_OPTIONS,
    Action,
    Options,
)


class ActionModule(Action):  # type: ignore[misc]
    """The action quayside.fargate.teardown_plan."""

    _supports_check_mode = True
    options: ClassVar[Options] = {
        "platform": {"type": "str", "required": True},
        "confirm": {"type": "str", "default": ""},
        "delete_data": {"type": "str", "default": ""},
        **AWS_OPTIONS,
    }

    def outcome(self, options: dict[str, Any]) -> dict[str, Any]:
        """Refuse what isn't confirmed before AWS is asked."""
        platform, delete_data = options["platform"], options["delete_data"]
        teardown_plan.refuse_unconfirmed(platform, options["confirm"], delete_data)
        account = aws.Account.of(options)
        listed = teardown_calls.stacks(account)
        bucket, ours = teardown_calls.bucket(account, platform)
        plan = teardown_plan.plan(
            listed, platform, delete_data=bool(delete_data), bucket=bucket if ours else ""
        )
        if not ours:
            self.progress.say(teardown_words.unseen(bucket))
        return {"changed": False, **plan.result()}
