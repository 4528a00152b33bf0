"""The note that a rollback leaves in the metadata of its stack's template.

The next deployment brings a template without it. A flip and a repair keep the template, and with it
the note.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping
from typing import Any

_NAME = "Rollback"


def made(
    names: tuple[str, str],
    moment: datetime.datetime,
    undid: Iterable[str],
    parameters: Iterable[list[str]],
) -> dict[str, Any]:
    """Return the note.

    Args:
        names: FAMILY:NUMBER of the revision that ran, and of the one that was gone back to.
        moment: when.
        undid: what changed, in words that hold no secret.
        parameters: as `changed` returns them.
    """
    start, goal = names
    at = moment.astimezone(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "From": start,
        "To": goal,
        "At": at,
        "Undid": list(undid),
        "Parameters": list(parameters),
    }


def changed(
    note: Mapping[str, Any], given: Mapping[str, str], new: Mapping[str, str]
) -> list[list[str]]:
    """Return what rollbacks changed of parameters: name, value before, value from now on.

    Args:
        note: of the rollback before this one, empty without one.
        given: the stack's parameters.
        new: values that this rollback gives.
    """
    earlier = values_before(note, given)
    before, after = {**given, **earlier}, {**given, **new}
    names = sorted({*earlier, *new})
    found = [[it, before.get(it, ""), after[it]] for it in names]
    return [it for it in found if it[1] != it[2]]


def values_before(note: Mapping[str, Any], given: Mapping[str, str]) -> dict[str, str]:
    """Return what parameters were before rollbacks, of those that are as a rollback left them.

    Args:
        note: of a rollback, empty without one.
        given: the stack's parameters.
    """
    noted = note.get("Parameters")
    found = {}
    for it in noted if isinstance(noted, list) else ():
        match it:
            case [str(name), str(before), str(after)] if given.get(name) == after:
                found[name] = before
    return found


def of(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the note of a template, empty if it has none."""
    quayside = (document.get("Metadata") or {}).get("Quayside") or {}
    note = quayside.get(_NAME) if isinstance(quayside, Mapping) else None
    return dict(note) if isinstance(note, Mapping) else {}


def before(note: Mapping[str, Any]) -> int | None:
    """Return the number of the revision that a rollback went back to, None without a note."""
    number = str(note.get("To", "")).rpartition(":")[2]
    return int(number) if number.isdecimal() else None


def told(note: Mapping[str, Any]) -> str:
    """Return the sentence of a deployment that comes after a rollback, "" without one."""
    if not note:
        return ""
    undid = note.get("Undid")
    what = "; ".join(map(str, undid)) if isinstance(undid, list) else ""
    return (
        f"A rollback was in between: at {note.get('At')} it went from {note.get('From')} back to "
        f"what {note.get('To')} was ({what or 'it does not say what it undid'}). From now on the "
        "service is as its playbook says."
    )
