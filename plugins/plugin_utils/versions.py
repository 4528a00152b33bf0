"""Which Quayside a stack comes from, and whether it fits the stacks that it takes values from.

A template tells its name and version in two literal outputs, ``Template`` and ``Version``; those
from before 1.1.0 tell nothing. docs/upgrading.md has the rules as a table.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

UNTOLD = "before 1.1.0"
OUTPUT = "Version"
OUTPUTS = frozenset({"Template", OUTPUT})
_COLLECTION = Path(__file__).resolve().parents[2]
_NUMBERS = re.compile(r"(\d+)\.(\d+)\.(\d+)")

Outputs = Mapping[str, str]


@dataclass(frozen=True)
class Origin:
    """Where a stack comes from.

    template: its template's name, such as `service`; version: such as `1.4.1`. None: it doesn't
    tell.
    """

    template: str | None
    version: str | None

    @classmethod
    def of_stack(cls, outputs: Outputs) -> Origin:
        """Return what a stack's outputs tell."""
        version = outputs.get(OUTPUT, "")
        known = version if _NUMBERS.match(version) else None
        return cls(outputs.get("Template"), known)

    @classmethod
    def of_template(cls, document: Mapping[str, Any]) -> Origin:
        """Return what a template's literal outputs tell."""
        told = {name: body.get("Value") for name, body in (document.get("Outputs") or {}).items()}
        return cls.of_stack({name: it for name, it in told.items() if isinstance(it, str)})

    def __str__(self) -> str:
        return self.version or UNTOLD

    def is_behind(self, version: str) -> bool:
        """Say whether it is older than a version."""
        return self._numbers < Origin(None, version)._numbers

    def is_ahead(self, version: str) -> bool:
        """Say whether it is newer than a version."""
        return self._numbers > Origin(None, version)._numbers

    @property
    def release(self) -> tuple[int, int]:
        """Its version without the last number, which brings no outputs; (0, 0) if untold."""
        return self._numbers[:2]

    @property
    def _numbers(self) -> tuple[int, int, int]:
        found = _NUMBERS.match(self.version or "")
        major, minor, patch = (int(it) for it in found.groups()) if found else (0, 0, 0)
        return major, minor, patch


def of_collection(folder: Path = _COLLECTION) -> str:
    """Return the version of the collection in use.

    Args:
        folder: where it lies, installed (with a manifest) or checked out (with galaxy.yml).
    """
    manifest = folder / "MANIFEST.json"
    if manifest.exists():
        return str(json.loads(manifest.read_text())["collection_info"]["version"])
    return str(yaml.safe_load((folder / "galaxy.yml").read_text())["version"])


def mismatch(stack: str, own: Origin, sources: Mapping[str, Outputs]) -> str | None:
    """Return why a template isn't to be deployed on stacks that may lack what it needs, or give
    what it doesn't know; None if all fit.

    The major version must be the same, and the stacks of the same minor version or a newer one:
    outputs are added with a minor version, and taken away with a major one.

    Args:
        stack: name of the stack to be deployed.
        own: its template's origin; one that doesn't tell is held against nothing.
        sources: outputs of the stacks that it takes values from, by name.
    """
    if own.version is None:
        return None
    for name, outputs in sources.items():
        other = Origin.of_stack(outputs)
        said = (
            f"Stack {stack} can't be deployed: its template is from Quayside {own}, and stack "
            f"{name}, which it takes values from, is from {other}."
        )
        if other.release < own.release:
            return f"{said} Upgrade the platform first: deploy stack {name} with {own}."
        if other.release[0] > own.release[0]:
            return f"{said} Take the collection of {other} here too."
    return None


def step_back(own: Origin, deployed: Outputs) -> str | None:
    """Return in words that a deployment would take a stack back to an older minor version.

    Args:
        own: the template's origin.
        deployed: outputs of the stack as it is.

    Returns: None if it wouldn't.
    """
    stack = Origin.of_stack(deployed)
    if own.version is None or stack.version is None or stack.release <= own.release:
        return None
    return (
        f"its template would go back from Quayside {stack} to {own}, which doesn't know what "
        "came since"
    )
