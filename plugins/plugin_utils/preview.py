"""What a deployment changes, as people read it: in few lines, and first what may be lost."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ansible_collections.quayside.fargate.plugins.plugin_utils.change_details import (
    DELETED,
    KEPT,
    SNAPSHOT,
)
from ansible_collections.quayside.fargate.plugins.plugin_utils.changes import Change
from ansible_collections.quayside.fargate.plugins.plugin_utils.leaf import HIDDEN

NEW, CHANGED, GONE = "is new", "changes", "is deleted"
_FATES = {
    KEPT: "stays in AWS",
    SNAPSHOT: "is deleted after a snapshot",
    DELETED: "is deleted",
}
_WITH_VALUES = ("parameter ", "tag ")
_REPLACEMENTS = {"True": "is replaced", "Conditional": "may be replaced"}


def lines(
    stack: str,
    changes: Sequence[Change],
    notes: Sequence[str] = (),
    *,
    state: str = CHANGED,
    diff: bool = True,
    verbose: bool = False,
) -> list[str]:
    """Return a stack's changes.

    Args:
        stack: its name.
        changes: of its resources.
        notes: lines about its parameters, tags and itself.
        state: what becomes of the stack, NEW, CHANGED or GONE.
        diff: whether values show, and not only names.
        verbose: whether everything shows: each resource, each parameter.
    """
    count = f": {len(changes)} resource{'' if len(changes) == 1 else 's'}"
    head = f"stack {stack} {state}{count if state in (NEW, GONE) else ''}"
    if state == GONE:
        return [head, *_by_fate(changes)]
    if state == NEW and not verbose:
        return [head, *_by_kind("+", changes)]
    following = [] if verbose else [it for it in changes if _only_follows(it)]
    added = [] if verbose else [it for it in changes if it["action"] == "Add"]
    rest = sorted((it for it in changes if it not in [*following, *added]), key=_order)
    told = [line for change in rest for line in _resource(change, diff=diff)]
    shown = [note for note in notes if verbose or not _is_told(note, told)]
    if not diff:
        shown = [note for note in shown if not note.startswith(_WITH_VALUES)]
    return [
        head,
        *(f"  {note}" for note in shown),
        *told,
        *_by_kind("+", added),
        *_followers(following),
    ]


def _order(change: Change) -> int:
    """Return where a change stands: what goes, what is replaced, all else."""
    if change["action"] == "Remove":
        return 0
    return 1 if change["replacement"] in _REPLACEMENTS else 2


def _only_follows(change: Change) -> bool:
    return bool(change["follows"]) and change["replacement"] not in _REPLACEMENTS


def _is_told(note: str, told: Iterable[str]) -> bool:
    """Whether a parameter's values stand with a property too."""
    values = note.partition(": ")[2]
    return any(line.startswith("    ") and line.endswith(f": {values}") for line in told)


def _resource(change: Change, *, diff: bool) -> list[str]:
    name = f"{change['resource']} ({change['type']})"
    fate = _FATES.get(change["data"], "")
    match change["action"]:
        case "Remove":
            return [f"- {name} is removed, and {fate}"]
        case "Add":
            return [f"+ {name}", *_values(change, diff=diff)]
        case "Import":
            return [f"> {name} is imported"]
    replacement = _REPLACEMENTS.get(change["replacement"], "")
    head = f"-/+ {name} {replacement}, the old one {fate}" if replacement else f"~ {name}"
    named = "" if diff or not change["properties"] else f": {', '.join(change['properties'])}"
    return [head + named, *_values(change, diff=diff)]


def _values(change: Change, *, diff: bool) -> list[str]:
    """Return a line for each value that is known, and one for each other property."""
    if not diff:
        return []
    told = [_value(it, is_new=change["action"] == "Add") for it in change["values"]]
    known = {it["path"].split("/")[0] for it in change["values"]}
    others = [name for name in change["properties"] if name not in known]
    return [f"    {line}" for line in sorted([*told, *others])]


def _value(told: dict[str, str], *, is_new: bool) -> str:
    before, after = told["before"], told["after"]
    both_hidden = before == after == HIDDEN
    return f"{told['path']}: {after if is_new or both_hidden else f'{before} -> {after}'}"


def _by_kind(sign: str, changes: Iterable[Change]) -> list[str]:
    """Return a line for each AWS service, with its resources by kind."""
    kinds: dict[str, dict[str, list[str]]] = {}
    for change in changes:
        service, _colons, kind = change["type"].removeprefix("AWS::").partition("::")
        kinds.setdefault(service, {}).setdefault(kind, []).append(change["resource"])
    return [
        f"  {sign} {service}: "
        + ", ".join(f"{len(names)} {kind} ({', '.join(names)})" for kind, names in found.items())
        for service, found in sorted(kinds.items())
    ]


def _by_fate(changes: Iterable[Change]) -> list[str]:
    """Return a line for each fate of deleted resources, what stays first."""
    names: dict[str, list[str]] = {}
    for change in changes:
        kind = change["type"].removeprefix("AWS::")
        names.setdefault(change["data"], []).append(f"{change['resource']} ({kind})")
    kept = [
        f"  {_FATES[fate]}: {', '.join(names[fate])}" for fate in (KEPT, SNAPSHOT) if fate in names
    ]
    gone = [it for it in changes if it["data"] == DELETED]
    return [*kept, *_by_kind("-", gone)]


def _followers(changes: Iterable[Change]) -> list[str]:
    """Return a line for what changes only since something above does."""
    names = [f"{it['resource']} ({', '.join(it['properties'])})" for it in changes]
    return [f"  follow: {', '.join(names)}"] if names else []
