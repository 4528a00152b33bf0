"""An overlay: what a role's overrides, environment and secrets change in a template."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ansible_collections.quayside.fargate.plugins.plugin_utils.errors import StackError, suggestion
from ansible_collections.quayside.fargate.plugins.plugin_utils.template import is_function
from ansible_collections.quayside.fargate.plugins.plugin_utils.variable_forms import kind

_IF = "Fn::If"
_NO_VALUE = {"Ref": "AWS::NoValue"}


def check_overlay(document: Mapping[str, Any], patch: Mapping[str, Any]) -> None:
    """Raise StackError if an overlay changes a resource that the template doesn't have."""
    resources = patch.get("Resources") or {}
    for name, body in resources.items():
        if name not in document["Resources"] and "Type" not in (body or {}):
            raise StackError(
                f"The overlay changes resource {name}, which the template doesn't have. "
                f"{suggestion(name, document['Resources'])}"
            )


def overlay(base: Any, patch: Any) -> Any:
    """Lay `patch` over `base` and return the result; neither is changed.

    Maps merge, and null removes. Lists whose items all have a Name (or all a Key) merge by it, and
    what a function names comes behind; other lists are replaced, and so are scalars and functions
    such as Ref. A map or list laid over Fn::If is laid over both of its branches.

    Raises: StackError for an item laid over such a list whose Name (or Key) is no text.
    """
    if _is_if(base) and isinstance(patch, Mapping | list) and not is_function(patch):
        condition, *branches = base[_IF]
        return {_IF: [condition, *(overlay(branch, patch) for branch in branches)]}
    if isinstance(patch, Mapping) and not is_function(patch):
        under = base if isinstance(base, Mapping) and not is_function(base) else {}
        return _merge_maps(under, patch)
    if isinstance(patch, list):
        return _merge_lists(base if isinstance(base, list) else [], patch)
    return patch


def _merge_maps(base: Mapping[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
    merged = {
        key: value for key, value in base.items() if key not in patch or patch[key] is not None
    }
    for key, value in patch.items():
        if value is not None:
            merged[key] = overlay(base.get(key), value)
    return merged


def _merge_lists(base: list[Any], patch: list[Any]) -> list[Any]:
    for member in ("Name", "Key"):
        names = [name_of(item, member) for item in base]
        if None not in names and (base or all(name_of(item, member) for item in patch)):
            return _merge_named(dict(zip(names, base, strict=True)), patch, member)
    return [overlay(None, item) for item in patch]


def _merge_named(merged: dict[str | None, Any], patch: list[Any], member: str) -> list[Any]:
    unknown = []  # of names that only CloudFormation knows
    for item in patch:
        name = name_of(item, member)
        if name is None:
            _check_named_by_function(item, member, merged)
            unknown.append(overlay(None, item))
        elif _removes(item, member):
            merged.pop(name, None)
        else:
            merged[name] = overlay(merged.get(name), item)
    return [*merged.values(), *unknown]


def _check_named_by_function(item: Any, member: str, names: Iterable[str | None]) -> None:
    """Raise StackError for an item without a name: laid over others, it would take them away."""
    name = item.get(member) if isinstance(item, Mapping) else None
    if not (is_function(item) or is_function(name)):
        found = kind(name) if name is not None else "missing"
        raise StackError(
            f"In a list laid over {', '.join(filter(None, names))} a {member} is {found}, and a "
            f'text is due. Quote it as you wrote it: {member}: "...".'
        )


def name_of(item: Any, member: str = "Name") -> str | None:
    """Return what identifies a list's item; an optional item (Fn::If) has its branches' name."""
    if _is_if(item):
        names = {name_of(branch, member) for branch in item[_IF][1:] if branch != _NO_VALUE}
        return names.pop() if len(names) == 1 else None
    name = item.get(member) if isinstance(item, Mapping) else None
    return name if isinstance(name, str) else None


def _removes(item: Mapping[str, Any], member: str) -> bool:
    others = [value for key, value in item.items() if key != member]
    return bool(others) and all(value is None for value in others)


def _is_if(value: Any) -> bool:
    return is_function(value) and isinstance(value.get(_IF), list)
