"""What stands on a platform, as lines: tables of its stacks, services and alarms, and sentences."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ansible_collections.quayside.fargate.custom_resources.contract.stacks import is_busy
from ansible_collections.quayside.fargate.plugins.plugin_utils import status_service
from ansible_collections.quayside.fargate.plugins.plugin_utils.terminal_text import harmless

WIDTH = 120  # columns
_GAP = "  "
_CUT = ".."
_DIGEST = 7  # of its digits, as git shows a commit
_NONE = "-"

_Column = tuple[str, Sequence[str], int]  # head, cells, and the width that is always left to it

Entry = dict[str, Any]


def table(status: Entry) -> list[str]:
    """Return the lines of what `Status.of` returned: at most three tables, then sentences.

    Args:
        status: its answer.
    """
    tables = [
        _table(_of_stacks(status["stacks"])),
        _table(_of_services(status["services"])),
        _table(_of_alarms(status["platform"], status["ringing"])),
    ]
    parts = [it for it in tables if it]
    if not status["services"]:
        parts.append(["There is no service."])
    parts.append([*_sentences(status)])
    lines = [line for number, part in enumerate(parts) for line in ([""] if number else []) + part]
    return [harmless(line) for line in lines]


def _of_stacks(stacks: Sequence[Entry]) -> list[_Column]:
    return [
        ("stack", [it["stack"] for it in stacks], 20),
        ("status", [it["status"] for it in stacks], 20),
        ("version", [_version(it) for it in stacks], 12),
    ]


def _of_services(services: Sequence[Entry]) -> list[_Column]:
    columns = [
        ("service", [it["service"] for it in services], 16),
        ("state", [it["state"] for it in services], 12),
        ("tasks", [_tasks(it["tasks"]) for it in services], 5),
        ("image", [_image(it) for it in services], 14),
        ("deployed (UTC)", [_deployed(it["last_deployment"]) for it in services], 23),
        ("by", [(it["last_deployment"] or {}).get("by") or _NONE for it in services], 8),
        ("user", [_active(it) for it in services], 5),
        ("version", [_version(it) for it in services], 6),
        ("url", [it["url"] or _NONE for it in services], 14),
    ]
    # Nobody's name and nobody's database take no room from the others.
    return [it for it in columns if it[0] not in ("by", "user") or set(it[1]) != {_NONE}]


def _of_alarms(platform: str, ringing: Sequence[Entry]) -> list[_Column]:
    return [
        ("alarm", [it["alarm"] for it in ringing], 30),
        ("of", [it["service"] or f"platform {platform}" for it in ringing], 20),
        ("since (UTC)", [_minute(it["since"]) for it in ringing], 16),
    ]


def _table(columns: Sequence[_Column]) -> list[str]:
    """Return the lines of a table, and none for one without rows."""
    if not columns[0][1]:
        return []
    widths = _widths(columns)
    rows = zip(*([head, *cells] for head, cells, _least in columns), strict=True)
    return [
        _GAP.join(
            shortened(cell, width).ljust(width) for cell, width in zip(row, widths, strict=True)
        ).rstrip()
        for row in rows
    ]


def _widths(columns: Sequence[_Column]) -> list[int]:
    """Return how wide columns are: as wide as they need, and the widest narrower until all fit."""
    widths = [max(map(len, [head, *cells])) for head, cells, _least in columns]
    floors = [
        min(width, max(len(head), least))
        for width, (head, _cells, least) in zip(widths, columns, strict=True)
    ]
    room = WIDTH - len(_GAP) * (len(columns) - 1)
    while sum(widths) > room:
        spare = [width - floor for width, floor in zip(widths, floors, strict=True)]
        # Once every column has what is left to it at least, the widest gives more.
        some = [at for at, it in enumerate(spare) if it > 0] or range(len(widths))
        widths[max(some, key=lambda at: widths[at])] -= 1
    return widths


def shortened(text: str, width: int) -> str:
    """Return a text that isn't longer than a width: of a long one, its beginning and its end.

    Args:
        text: such as a name.
        width: in characters.
    """
    if len(text) <= width:
        return text
    kept = max(width - len(_CUT), 0)
    tail = kept // 2
    return (text[: kept - tail] + _CUT + text[len(text) - tail :])[:width]


def _tasks(tasks: dict[str, int] | None) -> str:
    return f"{tasks['running']}/{tasks['desired']}" if tasks else _NONE


def _image(service: Entry) -> str:
    """Return tag and digest; the repository only where it isn't called as the service is."""
    image = service["image"]
    if not image:
        return _NONE
    name = image["repository"].rpartition("/")[2]
    tags = sorted(image["tags"], key=lambda it: it == "latest")
    tag = tags[0] if tags else ""
    said = tag if name == service["service"] else f"{name}:{tag}" if tag else name
    digits = (image["digest"] or "").partition(":")[2][:_DIGEST]
    return " ".join(it for it in (said, digits) if it) or image["reference"]


def _deployed(deployment: Entry | None) -> str:
    if not deployment:
        return _NONE
    # What else it came to needs a sentence, below the table.
    short = {status_service.OK: "ok", status_service.RUNNING: "running"}
    return f"{_minute(deployment['at'])} {short.get(deployment['result'], 'not ok')}"


def _minute(moment: str | None) -> str:
    """Return a moment in ISO 8601 as people read it, to the minute."""
    return (moment or "")[:16].replace("T", " ") or _NONE


def _active(service: Entry) -> str:
    if service["active_user"] or not service["users"]:
        return service["active_user"] or _NONE
    return "moving" if is_busy(service["status"]) else "unknown"


def _version(stack: Entry) -> str:
    version = stack["version"] or _NONE
    return f"{version} (behind)" if stack["behind"] and stack["version"][:1].isdigit() else version


def _sentences(status: Entry) -> list[str]:
    said = []
    for it in status["services"]:
        said += [f"{it['service']}: {told.rstrip('.')}." for told in _of_a_service(it)]
    ringing = "" if status["ringing"] else "No alarm rings."
    return [*said, *([ringing] if ringing else []), *status["warnings"], *status["left_out"]]


def _of_a_service(service: Entry) -> list[str]:
    """Return what its row can't say."""
    last, rollout, watching = (
        service["last_deployment"],
        service["deployment"],
        service["monitoring"],
    )
    said = []
    if service["why"] or is_busy(service["status"]):
        said.append(", ".join(it for it in (service["status"], service["why"]) if it))
    if last and last["reason"] and last["result"] != status_service.OK:
        said.append(
            f"its deployment of {_minute(last['at'])} is {last['result']}: {last['reason']}"
        )
    if rollout and rollout["failed"]:
        said.append(f"{rollout['failed']} tasks of the deployment that runs have failed")
    said += [
        f"a rotation of its user {user} was begun and isn't finished"
        for user, told in service["users"].items()
        if told["unfinished_rotation"]
    ]
    if watching and watching["version"] not in (None, service["version"]):
        said.append(f"what watches it, {watching['stack']}, is from {watching['version']}")
    return said
