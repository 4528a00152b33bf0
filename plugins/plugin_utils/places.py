"""Parameters of which each holds one item of a list, and whose items must stay where they are.

A template's `Metadata: {Quayside: {Places: [[PARAMETER, ...], ...]}}` names them. Each parameter
has a resource of its own, which takes away what it no longer names when another may already name
it: a certificate that moves from the second place to the first is put on the listener by the first
resource, and taken off by the second.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Request = Mapping[str, Any]


def arranged(
    document: Mapping[str, Any], description: Mapping[str, Any] | None, request: Request
) -> dict[str, Any]:
    """Return the request with what stays at its place, and what is new at the free ones.

    Args:
        document: the template.
        description: the stack as it is (DescribeStacks), None if there is none.
        request: the arguments of CreateChangeSet.
    """
    metadata = (document.get("Metadata") or {}).get("Quayside") or {}
    parameters = {it["ParameterKey"]: it for it in request["Parameters"]}
    old = {
        it["ParameterKey"]: it.get("ParameterValue", "")
        for it in (description or {}).get("Parameters", [])
    }
    for names in metadata.get("Places") or []:
        wanted = [_value(parameters.get(name, {}), old.get(name, "")) for name in names]
        placed = in_place([old.get(name, "") for name in names], wanted)
        for name, now, value in zip(names, wanted, placed, strict=True):
            if now != value:
                parameters[name] = {"ParameterKey": name, "ParameterValue": value}
    return {**request, "Parameters": list(parameters.values())}


def in_place(old: Sequence[str], wanted: Sequence[str]) -> list[str]:
    """Return the wanted items, of which each that stays has its old index.

    Args:
        old: what each place has; "" for a free one.
        wanted: as many, in any order; one that is named twice has one place.
    """
    new = [it for it in dict.fromkeys(wanted) if it and it not in old]
    placed = [it if it in wanted else "" for it in old]
    return [it or (new.pop(0) if new else "") for it in placed]


def _value(parameter: Mapping[str, Any], old: str) -> str:
    return old if parameter.get("UsePreviousValue") else str(parameter.get("ParameterValue", ""))
