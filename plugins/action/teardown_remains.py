"""See to what is left of a platform whose stacks are gone, inside ansible-playbook."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, ClassVar

from ansible_collections.quayside.fargate.plugins.plugin_utils import (
    aws,
    teardown_calls,
    teardown_remains,
    teardown_words,
)
from ansible_collections.quayside.fargate.plugins.plugin_utils.action import (
    AWS_OPTIONS,
    Action,
    Options,
)
from ansible_collections.quayside.fargate.plugins.plugin_utils.teardown_plan import Plan
from ansible_collections.quayside.fargate.plugins.plugin_utils.teardown_remains import Remains


class ActionModule(Action):  # type: ignore[misc]
    """The action quayside.fargate.teardown_remains."""

    _supports_check_mode = True
    options: ClassVar[Options] = {
        "plan": {"type": "dict", "required": True},
        "deleted": {"type": "list", "elements": "dict", "default": []},
        **AWS_OPTIONS,
    }

    def outcome(self, options: dict[str, Any]) -> dict[str, Any]:
        """Look, delete it if the plan says so, and tell."""
        plan = Plan.of(options["plan"])
        deleted = [stack for loop in options["deleted"] for stack in loop["results"]]
        check = bool(self._task.check_mode)
        leftovers = teardown_calls.Leftovers(aws.Account.of(options))
        kept = [it for stack in deleted for it in stack.get("kept", [])]
        remains = _found(leftovers, plan, kept)
        teardown_words.refuse_absent(plan, remains)
        deletes = plan.delete_data and not check
        if deletes:
            leftovers.delete(remains)
        there = bool(remains.snapshots or remains.keys or remains.log_groups)
        if check:
            told = [*teardown_words.planned(plan, remains, deleted)]
        else:
            told = [*teardown_words.left(plan, remains)]
        for line in told:
            self.progress.say(line)
        return {"changed": deletes and there, **asdict(remains), "told": told}


def _found(
    leftovers: teardown_calls.Leftovers, plan: Plan, kept: Sequence[Mapping[str, str]]
) -> Remains:
    """Ask AWS what is left, and take of it what is the platform's."""
    platform = plan.platform
    snapshots = teardown_remains.own_snapshots(leftovers.snapshots(), platform)
    groups = leftovers.log_groups(teardown_remains.log_prefixes(platform))
    ids = {it["KmsKeyId"] for it in snapshots if "KmsKeyId" in it} | ({plan.key} - {""})
    return teardown_remains.remains(
        snapshots,
        teardown_remains.own_keys(leftovers.keys(sorted(ids)), platform),
        teardown_remains.own_log_groups(groups, platform, {it["id"] for it in kept}),
        kept,
    )
