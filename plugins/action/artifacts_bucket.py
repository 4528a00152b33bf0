"""Say which bucket a platform's artifacts go into, inside ansible-playbook."""

from __future__ import annotations

from typing import Any, ClassVar

from ansible_collections.quayside.fargate.custom_resources.contract.stacks import parameters
from ansible_collections.quayside.fargate.plugins.plugin_utils import aws, buckets, platform_stacks
from ansible_collections.quayside.fargate.plugins.plugin_utils.action import (
    AWS_OPTIONS,
    Action,
    Options,
)
from ansible_collections.quayside.fargate.plugins.plugin_utils.errors import StackError
from ansible_collections.quayside.fargate.plugins.plugin_utils.platform_stacks import SUPPORT
from ansible_collections.quayside.fargate.plugins.plugin_utils.stack import describe


class ActionModule(Action):  # type: ignore[misc]
    """The action quayside.fargate.artifacts_bucket."""

    _supports_check_mode = True
    options: ClassVar[Options] = {
        "platform": {"type": "str", "required": True},
        "named": {"type": "str", "default": ""},
        "given": {"type": "list", "elements": "str", "default": []},
        "allow": {"type": "list", "elements": "str", "default": []},
        **AWS_OPTIONS,
    }

    def outcome(self, options: dict[str, Any]) -> dict[str, Any]:
        """Name the bucket; of one that is named nothing is asked."""
        account = aws.Account.of(options)
        if options["named"]:
            return _result(options["named"], account.region)
        if not account.region:
            raise StackError(buckets.NO_REGION)
        caller = _caller(account)
        name = buckets.name(options["platform"], caller["Account"], account.region)
        # In check mode the stack's task tells it.
        if not self._task.check_mode:
            before = _before(account, options["platform"])
            buckets.refuse_forgotten(before, name, [*options["given"], *options["allow"]])
        policy = buckets.policy(name, caller["Account"], caller["Arn"].split(":")[1])
        return _result(name, account.region, policy)


def _result(name: str, region: str | None, policy: dict[str, Any] | None = None) -> dict[str, Any]:
    return {
        "changed": False,
        "name": name,
        "own": policy is not None,
        "policy": policy or {},
        "region": region or "",
    }


def _caller(account: aws.Account) -> dict[str, str]:
    client = account.client("sts")
    try:
        return dict(client.get_caller_identity())
    except aws.AwsError as error:
        raise StackError(aws.explain(error, "GetCallerIdentity")) from error


def _before(account: aws.Account, platform: str) -> str:
    """Return the bucket that the platform has, "" if it has none."""
    stack = describe(account.client("cloudformation"), platform_stacks.name(SUPPORT, platform))
    return str(parameters(stack or {}).get("ArtifactsBucket", ""))
