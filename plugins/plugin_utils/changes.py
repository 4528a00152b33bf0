"""A change set as a short list and as a diff."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

_SIGNS = {"Add": "+", "Remove": "-", "Import": ">"}


def summary(changes: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return one entry for each changed resource of DescribeChangeSet's `Changes`."""
    resources = [change["ResourceChange"] for change in changes if "ResourceChange" in change]
    return [
        {
            "action": change["Action"],
            "resource": change["LogicalResourceId"],
            "type": change["ResourceType"],
            "replacement": change.get("Replacement", "False"),
            "properties": sorted({_target(detail) for detail in change.get("Details", [])}),
        }
        for change in resources
    ]


def additions(template: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the changes of a creation that can't be asked for, read from the template alone."""
    return [
        {
            "action": "Add",
            "resource": name,
            "type": str(resource.get("Type", "")),
            "replacement": "False",
            "properties": sorted(resource.get("Properties", {})),
        }
        for name, resource in template["Resources"].items()
    ]


def diff(stack: str, changes: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Return changes as Ansible prints them under --diff."""
    lines = [f"stack {stack}"]
    for change in changes:
        notes = _replacement_note(change["replacement"])
        lines.append(
            f"{_SIGNS.get(change['action'], '~')} {change['resource']} ({change['type']}){notes}"
        )
        lines += [f"    {name}" for name in change["properties"]]
    return {"prepared": "\n".join(lines) + "\n"}


def _target(detail: Mapping[str, Any]) -> str:
    target = detail["Target"]
    attribute, name = str(target["Attribute"]), target.get("Name")
    return f"{attribute}.{name}" if name else attribute


def _replacement_note(replacement: str) -> str:
    return {"True": " REPLACED", "Conditional": " may be replaced"}.get(replacement, "")
