"""Policies as IAM reads them."""

from __future__ import annotations

import fnmatch
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[2] / "docs" / "permissions"
MOST_CHARACTERS = 6144  # of a managed policy, white space not counted (IAM quotas)

Context = Mapping[str, str]


@dataclass(frozen=True)
class Statement:
    """One statement of a policy, its conditions left as they are."""

    sid: str
    effect: str
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    condition: Mapping[str, Mapping[str, Any]]
    not_resources: tuple[str, ...] = ()

    def covers(self, action: str, arn: str, context: Context | None = None) -> bool:
        """Whether the statement is about `action` on `arn`.

        Args:
            action: of IAM.
            arn: of a resource, or ``*`` for an action that takes none.
            context: the request's condition keys; without it, conditions are left aside.
        """
        return (
            any(fnmatch.fnmatchcase(action.lower(), it.lower()) for it in self.actions)
            and self._is_about(action, arn)
            and (context is None or holds(self.condition, context))
        )

    def _is_about(self, action: str, arn: str) -> bool:
        if self.not_resources:  # all others that the action's service has
            own = arn == "*" or arn.split(":")[2] == action.partition(":")[0]
            return own and not any(fnmatch.fnmatchcase(arn, it) for it in self.not_resources)
        return any(fnmatch.fnmatchcase(arn, it) for it in self.resources)


def statements(document: Mapping[str, Any]) -> list[Statement]:
    """Return the statements of a policy document."""
    return [
        Statement(
            sid=it.get("Sid", ""),
            effect=it["Effect"],
            actions=tuple(as_list(it["Action"])),
            resources=tuple(as_list(it.get("Resource", []))),
            condition=it.get("Condition") or {},
            not_resources=tuple(as_list(it.get("NotResource", []))),
        )
        for it in document["Statement"]
    ]


def allows(
    policy: Iterable[Statement], action: str, arn: str, context: Context | None = None
) -> bool:
    """Whether a policy lets its principal do `action` on `arn`; what it denies, it denies."""
    effects = {it.effect for it in policy if it.covers(action, arn, context)}
    return effects == {"Allow"}


def as_list(value: Any) -> list[Any]:
    """A value of a policy as the list that it may also be."""
    return value if isinstance(value, list) else [value]


def names(kind: str) -> list[str]:
    """Return the names of the files that whoever deploys `kind` attaches, such as ``service``."""
    return sorted(path.stem for path in FOLDER.glob(f"{kind}*.json"))


def text(name: str, **placeholders: str) -> str:
    """Return a file of docs/permissions with its placeholders filled in.

    Args:
        name: of the file, without its ending.
        placeholders: PLATFORM, ACCOUNT and so on.
    """
    found = (FOLDER / f"{name}.json").read_text()
    for placeholder, value in placeholders.items():
        found = found.replace(placeholder, value)
    return found


def documented(kind: str, **placeholders: str) -> list[Statement]:
    """Return the statements of all files that whoever deploys `kind` attaches."""
    return [it for name in names(kind) for it in statements(json.loads(text(name, **placeholders)))]


def holds(condition: Mapping[str, Mapping[str, Any]], context: Context) -> bool:
    """Whether every key of a condition has one of its values in `context`."""
    return all(
        _compare(operator, context.get(key), as_list(values))
        for operator, keys in condition.items()
        for key, values in keys.items()
    )


def _compare(operator: str, actual: str | None, values: list[str]) -> bool:
    name = operator.removeprefix("ForAllValues:").removeprefix("ForAnyValue:")
    if actual is None:
        return name.endswith("IfExists") or name != operator
    return any(_OPERATORS[name.removesuffix("IfExists")](actual, value) for value in values)


_OPERATORS: dict[str, Callable[[str, str], bool]] = {
    "ArnEquals": fnmatch.fnmatchcase,
    "ArnLike": fnmatch.fnmatchcase,
    "StringEquals": str.__eq__,
    "StringLike": fnmatch.fnmatchcase,
    "Bool": str.__eq__,
}
