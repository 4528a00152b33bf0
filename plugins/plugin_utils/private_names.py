"""The variables that a role makes for itself, which nobody else may set.

Ansible has no private variables: whoever sets one with `-e`, or where a role is named, overrides
what the role's vars say and its tasks register.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROLES = Path(__file__).parents[2] / "roles"
_CHECKS = "variables"  # the role that checks the others' variables


@dataclass(frozen=True)
class Private:
    """The names of a role's own variables.

    Attributes:
        role: its name.
        vars: what its vars say, by name.
        registered: what its tasks register.
        local: what its tasks have for themselves.
    """

    role: str
    vars: Mapping[str, Any]
    registered: frozenset[str]
    local: frozenset[str]

    def problems(
        self, layers: Iterable[Mapping[str, Any]], above: Iterable[Mapping[str, Any]]
    ) -> Iterator[str]:
        """Yield a line for each name that somebody else has set.

        Args:
            layers: variables without templates filled in, as seen in the role and below it; the
                role's own may be among them.
            above: variables that override the role's own.
        """
        found = {name for layer in above for name in layer if self._has(name)}
        found |= {
            name
            for layer in layers
            for name in layer
            if self._has(name) and not self._is_own(name, layer[name])
        }
        for name in sorted(found):
            yield (
                f"{name}: the role {self.role} sets this variable itself, and nobody else may. "
                "Leave it out, or take another name for yours."
            )

    def _has(self, name: str) -> bool:
        return name in self.vars or name in self.registered or name in self.local

    def _is_own(self, name: str, value: Any) -> bool:
        """Say whether a value is the role's: of its vars, or registered when it ran before."""
        if name in self.vars:
            return bool(value == self.vars[name])
        return name in self.registered and isinstance(value, Mapping) and "changed" in value


@functools.cache
def of_role(role: str) -> Private:
    """Return those of a role of the collection, with those of the role that checks it."""
    own: dict[str, Any] = {}
    registered: set[str] = set()
    local: set[str] = set()
    for name in (role, _CHECKS):
        for path in sorted((ROLES / name / "vars").glob("*.yml")):
            own |= _loaded(path) or {}
        for path in sorted((ROLES / name / "tasks").glob("*.yml")):
            for member, value in _members(_loaded(path)):
                registered |= {value} if member == "register" else set()
                local |= {*value} if member == "vars" else set()
    return Private(role, own, frozenset(registered), frozenset(local))


def _loaded(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def _members(value: Any) -> Iterator[tuple[str, Any]]:
    """Yield every member of every map in a file of tasks."""
    if isinstance(value, Mapping):
        yield from value.items()
        value = [*value.values()]
    for item in value if isinstance(value, list) else []:
        yield from _members(item)
