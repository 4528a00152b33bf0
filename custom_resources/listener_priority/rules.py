"""A rule of the listener, and one that wants a number."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from custom_resources.contract.stacks import name_of
from custom_resources.listener_priority.conditions import Conditions
from custom_resources.shared.failure import Failure


@dataclass(frozen=True)
class Rule:
    """A rule of the listener, or one to come.

    Args:
        number: its priority.
        conditions: None if they aren't known, or nothing that can be compared.
        stack_id: of the stack that it belongs to; empty for a rule that Quayside didn't make.
        takes_over: name of the stack that it took over from.
        shown: where its requests go, for a rule that Quayside didn't make.
    """

    number: int
    conditions: Conditions | None
    stack_id: str = ""
    takes_over: str = ""
    shown: str = ""

    @property
    def stack(self) -> str:
        """The stack's name."""
        return name_of(self.stack_id) if self.stack_id else ""

    def __str__(self) -> str:
        """The rule in words."""
        owner = f"the stack {self.stack}" if self.stack_id else "a rule that Quayside didn't make"
        return f"{owner} (number {self.number}{', ' + self.shown if self.shown else ''})"


class CollisionError(Failure):
    """Another rule has the same conditions.

    Args:
        with_rule: which one.
        happened: see `Failure`.
        remedy: see `Failure`.
    """

    def __init__(self, with_rule: Rule, happened: str, remedy: str) -> None:
        super().__init__(happened, remedy)
        self.with_rule = with_rule


@dataclass(frozen=True)
class Wish:
    """A rule that wants a number.

    Args:
        conditions: the rule's.
        stack: name of its stack.
        takes_over: name of the stack whose rule comes after this one's.
        runs: whether the stack has its rule already, and so tasks that answer.
        before: conditions of the stack's own rule until now.
        answering: the numbers and conditions of the rules that the stack has on the listener until
            now; each has its requests unless a rule in front has them.
    """

    conditions: Conditions
    stack: str
    takes_over: str = ""
    runs: bool = False
    before: Sequence[Conditions] = ()
    answering: Mapping[int, Conditions] = field(default_factory=dict)
