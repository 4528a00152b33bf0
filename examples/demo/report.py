"""What the demo leaves behind: a table for people, report.json for programs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from examples.demo.inventory import Service, Stack


@dataclass(frozen=True)
class Rotation:
    """A full cycle of rotations under traffic.

    Attributes:
        service: whose users were rotated.
        users: the active user before, after the first flip, and after the second.
        requests: how many were sent meanwhile.
        ok: how many were answered as they must be.
    """

    service: str
    users: Sequence[str]
    requests: int
    ok: int


@dataclass(frozen=True)
class Report:
    """The demo's result.

    Attributes:
        stacks: the platform's stacks.
        services: its services, each with the requests sent to it and those answered well.
        seconds: wall-clock seconds by step.
        redeploy_changed: tasks that changed something when both services were deployed again.
        rotation: the cycle of rotations.
    """

    stacks: Sequence[Stack]
    services: Sequence[tuple[Service, int, int]]
    seconds: Mapping[str, float]
    redeploy_changed: int
    rotation: Rotation

    def write(self, path: Path) -> None:
        """Write it as JSON."""
        document = {
            "stacks": {stack.name: stack.status for stack in self.stacks},
            "services": [
                {"name": service.name, "url": service.url, "requests": requests, "ok": ok}
                for service, requests, ok in self.services
            ],
            "seconds": self.seconds,
            "redeploy_changed": self.redeploy_changed,
            "rotation": {
                "service": self.rotation.service,
                "users": list(self.rotation.users),
                "requests": self.rotation.requests,
                "ok": self.rotation.ok,
            },
        }
        path.write_text(json.dumps(document, indent=2) + "\n")

    def text(self) -> str:
        """Return it as tables."""
        stacks = table(
            ["stack", "status", "seconds"],
            [[stack.name, stack.status, f"{stack.seconds:.1f}"] for stack in self.stacks],
        )
        services = table(
            ["service", "URL", "priority", "database", "active user", "requests", "ok"],
            [
                [
                    *(service.name, service.url, service.priority),
                    *(service.database, service.active_user, str(requests), str(ok)),
                ]
                for service, requests, ok in self.services
            ],
        )
        steps = table(
            ["step", "seconds"], [[name, f"{took:.1f}"] for name, took in self.seconds.items()]
        )
        rotation = table(
            ["rotated under traffic", "active user", "requests", "ok", "failed"],
            [
                [
                    *(self.rotation.service, " -> ".join(self.rotation.users)),
                    *(str(self.rotation.requests), str(self.rotation.ok)),
                    str(self.rotation.requests - self.rotation.ok),
                ]
            ],
        )
        return "\n\n".join([stacks, services, rotation, steps])


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return rows under their heads in columns; a column of numbers is set to the right.

    Args:
        head: the columns' names.
        rows: one text for each column.
    """
    columns = list(zip(head, *rows, strict=True))
    widths = [max(map(len, column)) for column in columns]
    numbers = [bool(rows) and all(map(_is_number, column[1:])) for column in columns]

    def line(cells: Sequence[str]) -> str:
        return "  ".join(
            cell.rjust(width) if number else cell.ljust(width)
            for cell, width, number in zip(cells, widths, numbers, strict=True)
        ).rstrip()

    return "\n".join(map(line, [head, ["-" * width for width in widths], *rows]))


def _is_number(text: str) -> bool:
    return text.replace(".", "", 1).isdigit()
