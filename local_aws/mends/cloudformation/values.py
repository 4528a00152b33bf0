"""What values a template's properties have, as far as that is known before it is deployed."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import Any

from ministack.services.cloudformation import changesets, stacks

from local_aws.schemas import UNKNOWN


@dataclass(frozen=True)
class Place:
    """Where a template's values come from.

    Args:
        parameters: as upstream resolved them.
        conditions: by name.
        stack: name and id.
        deployed: the stack's resources, as upstream keeps them.
        unknown: logical ids of the resources whose ids and attributes only deployment tells.
        keep_dynamic: leave dynamic references as they stand; else they are unknown.
    """

    parameters: dict[str, Any]
    conditions: dict[str, bool]
    mappings: dict[str, Any]
    stack: tuple[str, str]
    deployed: dict[str, Any] = field(default_factory=dict)
    unknown: frozenset[str] = frozenset()
    keep_dynamic: bool = False

    @classmethod
    def of(
        cls, template: dict[str, Any], parameters: Any, stack: dict[str, Any], **more: Any
    ) -> Place:
        """Return the place of a template and its parameters in a stack, as upstream keeps it."""
        conditions = changesets._evaluate_conditions(template, parameters) if template else {}
        identity = stack["StackName"], stack["StackId"]
        return cls(parameters, conditions, template.get("Mappings") or {}, identity, **more)

    def value(self, raw: Any) -> Any:
        """Return what a property is, with schemas.UNKNOWN where deployment must tell."""
        if isinstance(raw, list):
            inner = [self.value(each) for each in raw]
            return [each for each in inner if each is not stacks._NO_VALUE]
        if isinstance(raw, str):
            return self._text(raw)
        if not isinstance(raw, dict):
            return raw
        function = next(iter(raw)) if len(raw) == 1 else ""
        if function == "Fn::If":
            condition, yes, no = raw[function]
            return self.value(yes if self.conditions.get(condition) else no)
        if function == "Ref" or function.startswith("Fn::"):
            return self._resolved(raw)
        values = {key: self.value(each) for key, each in raw.items()}
        return {key: each for key, each in values.items() if each is not stacks._NO_VALUE}

    def _text(self, text: str) -> Any:
        return text if self.keep_dynamic or "{{resolve:" not in text else UNKNOWN

    def _resolved(self, raw: Any) -> Any:
        if any(name in self.unknown for name, _ in stacks._intrinsic_references(raw)):
            return UNKNOWN
        try:
            found = stacks._resolve_refs(
                copy.deepcopy(raw),
                self.deployed,
                self.parameters,
                self.conditions,
                self.mappings,
                *self.stack,
            )
        except (LookupError, TypeError, ValueError):
            return UNKNOWN
        return self._text(found) if isinstance(found, str) else found
