"""Whose alarms ring: a platform's own, or a service's, by their names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.quayside.fargate.custom_resources.contract.names import stack_prefix
from ansible_collections.quayside.fargate.plugins.plugin_utils.status_service import moment

# What the templates call the alarms of a platform's own stacks, behind PLATFORM- (a test holds the
# two together): those of a platform shop-two begin with shop- too.
_PLATFORM_ALARM = re.compile(
    "(password|database|listener-priority|notices|rotate|activate)-(errors|throttles)"
    "|(database|rotate)-idle|activations-(dead|waiting|oldest)|flip-rolled-back|rotation-overdue"
    "|password-age|rds-(cpu|capacity|memory|connections|local-storage|storage|replica-lag)"
    "|load-balancer-[a-z0-9-]{1,10}-(5xx|rejected-connections)"
)


@dataclass(frozen=True)
class Ringing:
    """The alarms that ring.

    platform: names of the platform's own; services: by service, names without that of its stack;
    since: when each went to ALARM, in ISO 8601, by its whole name.
    """

    platform: list[str]
    services: dict[str, list[str]]
    since: dict[str, str | None]

    @classmethod
    def of(
        cls, alarms: Iterable[Mapping[str, Any]], platform: str, every: Sequence[str]
    ) -> Ringing:
        """Return whose DescribeAlarms' entries are.

        Args:
            alarms: DescribeAlarms' entries, all in ALARM.
            platform: its name.
            every: names of all that are called as its services.
        """
        since = {it["AlarmName"]: moment(it.get("StateUpdatedTimestamp")) for it in alarms}
        return cls(*sort_alarms(sorted(since), platform, every), since)

    def entries(self, platform: str, names: Iterable[str]) -> list[dict[str, Any]]:
        """Return an entry for each alarm of the platform's own and of services.

        Args:
            platform: its name.
            names: of the services.
        """
        own = [(None, it, it) for it in self.platform]
        prefix = stack_prefix(platform)
        theirs = [
            (name, it, f"{prefix}{name}-{it}")
            for name in names
            for it in self.services.get(name, ())
        ]
        return [
            {"service": name, "alarm": alarm, "since": self.since[whole]}
            for name, alarm, whole in [*own, *theirs]
        ]


def sort_alarms(
    names: Sequence[str], platform: str, every: Sequence[str]
) -> tuple[list[str], dict[str, list[str]]]:
    """Tell apart whose alarms ring: the platform's own, and by service, without its name.

    Those of other platforms and applications, which begin alike, are left out.

    Args:
        names: of the alarms.
        platform: its name.
        every: names of all that are called as its services.
    """
    own = [
        it
        for it in names
        if it.startswith(f"{platform}-") and _PLATFORM_ALARM.fullmatch(it[len(platform) + 1 :])
    ]
    prefix = stack_prefix(platform)
    ringing: dict[str, list[str]] = {}
    for name in names:
        # orders-eu's alarms begin as those of orders do.
        whose = [it for it in every if name.startswith(f"{prefix}{it}-")]
        if whose:
            longest = max(whose, key=len)
            ringing.setdefault(longest, []).append(name.removeprefix(f"{prefix}{longest}-"))
    return own, ringing
