"""Show the log of a service, inside ansible-playbook."""

from __future__ import annotations

import datetime
import time
from typing import Any, ClassVar

from ansible_collections.quayside.fargate.custom_resources.contract.names import Service
from ansible_collections.quayside.fargate.plugins.plugin_utils import (
    aws,
    log_query,
    log_shown,
    parent,
    screen,
    service_log,
    services,
)
from ansible_collections.quayside.fargate.plugins.plugin_utils.action import (
    AWS_OPTIONS,
    Action,
    Options,
)
from ansible_collections.quayside.fargate.plugins.plugin_utils.log_query import Query
from ansible_collections.quayside.fargate.plugins.plugin_utils.service_log import Line, ServiceLog

_PAUSE_SECONDS = (
    2.0  # FilterLogEvents: 5 to 10 a second for all of an account (CloudWatch Logs quotas)
)
_SHOWN = {"table": log_shown.text, "json": log_shown.json_lines}


class ActionModule(Action):  # type: ignore[misc]
    """The action quayside.fargate.logs."""

    _supports_check_mode = True
    options: ClassVar[Options] = {
        "platform": {"type": "str", "required": True},
        "service": {"type": "str", "required": True},
        "tail": {"type": "int", "default": 100},
        "filter": {"type": "str", "default": ""},
        "since": {"type": "str", "default": "1h"},
        "end": {"type": "str", "default": ""},
        "task": {"type": "str", "default": ""},
        "follow": {"type": "bool", "default": False},
        "follow_seconds": {"type": "int", "default": 600},
        "show": {"type": "str", "choices": ["table", "json", "nothing"], "default": "nothing"},
        **AWS_OPTIONS,
    }

    def outcome(self, options: dict[str, Any]) -> dict[str, Any]:
        """Print the lines as they are wanted, and go on with those to come."""
        query = log_query.of(options, datetime.datetime.now(datetime.UTC))
        account = aws.Account.of(options)
        service = Service(options["platform"], options["service"])
        log = ServiceLog(account.client("logs"), service_log.group_of(account, service))
        query = log.of_task(query)
        reading = log.newest(query)
        self._show(reading.lines, options["show"])
        remark = log_shown.left_out(reading, query)
        if not reading.lines and not reading.unread:
            remark = log_shown.nothing(str(service), query, _counts(account, service))
        if remark:
            self.progress.say(remark)
        if options["follow"]:
            self._follow(log, query, reading.lines, options)
        return {
            "changed": False,
            "lines": [log_shown.document(line) for line in reading.lines],
            "left_out": reading.has_more or reading.unread,
        }

    def _show(self, lines: list[Line], how: str) -> None:
        if lines and how in _SHOWN:
            screen.answer(_SHOWN[how](lines))

    def _follow(
        self, log: ServiceLog, query: Query, told: list[Line], options: dict[str, Any]
    ) -> None:
        """Print what comes, until the time is over or nobody looks any more."""
        end = time.monotonic() + options["follow_seconds"]
        while (left := end - time.monotonic()) > 0:
            time.sleep(min(_PAUSE_SECONDS, left))
            parent.refuse_orphan()
            reading = log.after(query, told)
            self._show(reading.lines, options["show"])
            told = service_log.recent([*told, *reading.lines])
        self.progress.say(
            f"Followed for {options['follow_seconds']} s; -e follow_seconds=N for longer."
        )


def _counts(account: aws.Account, service: Service) -> tuple[int, int] | None:
    found = services.find_ecs_service(account.client("ecs"), service)
    return (found["runningCount"], found["desiredCount"]) if found else None
