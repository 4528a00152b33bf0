"""The calls of a run, held against the policies of those who made them."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from local_aws.control import Call
from tests.permissions.callers import CALLED, NOT_SEEN
from tests.permissions.policies import statements
from tests.unit.templates.templates import Stack, of_type

# shop-platform-deployer, shop-read-deployer; not that of a team, which tries what it may not
_DEPLOYER = re.compile(rf":user/\w+-({'|'.join(CALLED)})-deployer$")
# assumed-role/shop-rotation-RotateFunctionRole-8CA5ACF1B2734/session
_FUNCTION = re.compile(r":assumed-role/\w+-(?:support|rotation)-(\w+Function)Role-")


def who(principal: str) -> str | None:
    """Return whose policy a principal acts by: a kind of docs/permissions or a function."""
    found = _DEPLOYER.search(principal) or _FUNCTION.search(principal)
    return found[1] if found else None


def functions() -> dict[str, set[str]]:
    """Return what each function's role may do, by the function's logical id."""
    return {
        function: {
            action
            for policy in stack.resources[f"{function}Role"]["Properties"]["Policies"]
            for statement in statements(policy["PolicyDocument"])
            if statement.effect == "Allow"
            for action in statement.actions
        }
        for stack in (Stack(name, {"Platform": "shop"}) for name in ("support", "rotation"))
        for function in of_type(stack.name, "AWS::Lambda::Function")
    }


@dataclass
class Held:
    """What a run shows of the policies.

    Args:
        calls: all of the run.
    """

    calls: Iterable[Call]
    refused: set[str] = field(default_factory=set, init=False)
    made: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set), init=False)
    count: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        for call in self.calls:
            principal = who(call.principal)
            if principal is None:
                continue
            self.count += 1
            if call.error:
                self.refused.add(f"{principal}: {call.action} on {call.resource}: {call.error}")
            else:
                self.made[principal].add(call.action)

    @property
    def unlisted(self) -> set[str]:
        """Calls of the deployers that tests/permissions/callers.py doesn't name."""
        return {
            f"{kind}: {action}"
            for kind in CALLED
            for action in self.made[kind] - CALLED[kind].keys()
        }

    @property
    def idle(self) -> set[str]:
        """What is allowed, no handler needs, nobody called, and no table explains."""
        may = {kind: set(called) for kind, called in CALLED.items()} | functions()
        never = {
            f"{name}: {action}"
            for name, actions in may.items()
            for action in actions - self.made[name]
        }
        return {it for it in never if not {it, it.partition(": ")[2]} & NOT_SEEN.keys()}

    @classmethod
    def together(cls, parts: Iterable[Mapping[str, Any]]) -> Self:
        """Return what the runs on several local AWSs show.

        Args:
            parts: what `part` returned of each.
        """
        whole = cls(())
        for part in parts:
            whole.count += part["count"]
            whole.refused |= set(part["refused"])
            for principal, actions in part["made"].items():
                whole.made[principal] |= set(actions)
        return whole

    @property
    def part(self) -> dict[str, Any]:
        """What another process needs of it, as JSON has it."""
        return {
            "count": self.count,
            "refused": sorted(self.refused),
            "made": {principal: sorted(actions) for principal, actions in self.made.items()},
        }

    def write(self, file: Path) -> None:
        """Write the figures of the run."""
        file.parent.mkdir(parents=True, exist_ok=True)
        figures = {
            "calls": self.count,
            "actions": {name: len(actions) for name, actions in sorted(self.made.items())},
            "refused": sorted(self.refused),
            "unlisted": sorted(self.unlisted),
            "not called": sorted(self.idle),
        }
        file.write_text(json.dumps(figures, indent=2) + "\n")
