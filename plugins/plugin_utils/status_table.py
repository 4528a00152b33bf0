"""What stands on a platform, as lines of a table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ansible_collections.quayside.fargate.custom_resources.contract.names import USERS
from ansible_collections.quayside.fargate.custom_resources.contract.stacks import is_busy

_HEAD = (
    *("service", "stack", "version", "active", "blue rotated", "blue next"),
    *("green rotated", "green next", "deployment", "alarms"),
)
_OWN_HEAD = ("stack", "template", "version")


def table(status: dict[str, Any]) -> list[str]:
    """Return the lines of a table of what `Status.of` returned.

    Args:
        status: its answer.
    """
    lines = _columns([_HEAD, *(_row(it) for it in status["services"])])
    own = [(it["stack"], it["template"] or "-", it["version"] or "-") for it in status["stacks"]]
    lines += _columns([_OWN_HEAD, *own]) if own else []
    ringing = ", ".join(status["platform_alarms"]) or "none"
    whys = [
        f"{it['service']}: {it['status']}, {it['why']}" for it in status["services"] if it["why"]
    ]
    return [*lines, *whys, f"alarms of the platform: {ringing}", *status["warnings"]]


def _columns(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def _row(service: dict[str, Any]) -> tuple[str, ...]:
    users, deployment = service["users"], service["deployment"]
    moving = "moving" if is_busy(service["status"]) else "unknown"
    active = service["active_user"] or (moving if users else "-")
    dates = [
        _cell(users.get(user, {}), key)
        for user in USERS
        for key in ("last_rotation", "next_rotation")
    ]
    rollout = "-"
    if deployment:
        rollout = f"{deployment['running']}/{deployment['desired']} tasks"
        rollout += f", {deployment['failed']} failed" if deployment["failed"] else ""
    alarms = ", ".join(service["alarms"]) or "-"
    version = _version(service)
    return (service["service"], service["status"], version, active, *dates, rollout, alarms)


def _version(service: dict[str, Any]) -> str:
    """Return a service's version, and that of what watches it where it is another."""
    version, watching = service["version"] or "-", service["monitoring"]
    if watching is None or watching["version"] in (None, service["version"]):
        return version
    return f"{version}, monitoring {watching['version']}"


def _cell(user: dict[str, Any], key: str) -> str:
    if key == "last_rotation" and user.get("unfinished_rotation"):
        return "unfinished"
    return str(user.get(key) or "-")[:16].replace("T", " ")
