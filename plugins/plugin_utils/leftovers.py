"""What a switched-off part leaves behind at AWS, and is told to be off: the template names it.

A template's `Metadata: {Quayside: {Leftovers: ...}}` maps a parameter to a rule:

- `Of: PARAMETER`: what it belongs to. When that one goes from true to anything else, AWS would keep
  what it isn't told of any more.
- `Is: VALUE`: what it is then told, and as long as the other one stays off.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

Parameter = Mapping[str, Any]


def told(
    document: Mapping[str, Any],
    previous: Mapping[str, str | None] | None,
    parameters: Iterable[Parameter],
) -> list[dict[str, Any]]:
    """Return the parameters of CreateChangeSet with those told to be off that their part left.

    Args:
        document: the template.
        previous: the values that the stack has; None if it doesn't exist yet.
        parameters: as CreateChangeSet takes them.
    """
    listed = [dict(it) for it in parameters]
    off = {
        name: {"ParameterKey": name, "ParameterValue": rule["Is"]}
        for name, rule in rules(document).items()
        if previous and _is_left(name, rule, previous, listed)
    }
    return [off.get(it["ParameterKey"], it) for it in listed]


def rules(document: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """Return a template's rules by their parameters."""
    metadata = document.get("Metadata") or {}
    return dict((metadata.get("Quayside") or {}).get("Leftovers") or {})


def _is_left(
    name: str,
    rule: Mapping[str, str],
    previous: Mapping[str, str | None],
    listed: Iterable[Parameter],
) -> bool:
    part = rule["Of"]
    given = {it["ParameterKey"]: it.get("ParameterValue") for it in listed}
    now = given.get(part) or previous.get(part)
    was_on = previous.get(part) == "true"
    return now != "true" and (was_on or previous.get(name) == rule["Is"])
