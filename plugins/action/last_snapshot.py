"""Take a snapshot before a service's database is dropped, inside ansible-playbook."""

from __future__ import annotations

from typing import Any, ClassVar

from ansible_collections.quayside.fargate.custom_resources.contract.names import Service
from ansible_collections.quayside.fargate.plugins.plugin_utils import aws, last_snapshot
from ansible_collections.quayside.fargate.plugins.plugin_utils.action import (
    AWS_OPTIONS,
    TIMEOUT_OPTION,
    Action,
    Options,
)
from ansible_collections.quayside.fargate.plugins.plugin_utils.stack import describe


class ActionModule(Action):  # type: ignore[misc]
    """The action quayside.fargate.last_snapshot."""

    _supports_check_mode = True
    options: ClassVar[Options] = {
        "platform": {"type": "str", "required": True},
        "service": {"type": "str", "required": True},
        **TIMEOUT_OPTION,
        **AWS_OPTIONS,
    }

    def outcome(self, options: dict[str, Any]) -> dict[str, Any]:
        """Ask the service's stack whether a database goes with it, and take the snapshot if so."""
        account = aws.Account.of(options)
        service = Service(options["platform"], options["service"])
        stack = describe(account.client("cloudformation"), service.stack)
        cluster = last_snapshot.cluster_of(stack)
        if not cluster or self._task.check_mode:
            return {"changed": bool(cluster), "snapshot": ""}
        taking = last_snapshot.LastSnapshot(account.client("rds"), service, cluster, self.clock)
        return {"changed": True, "snapshot": taking.take()}
