"""Whether a change set may be executed: what it takes away, or lets fall back, is asked for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from ansible_collections.quayside.fargate.plugins.plugin_utils.errors import StackError
from ansible_collections.quayside.fargate.plugins.plugin_utils.falls import Fall
from ansible_collections.quayside.fargate.plugins.plugin_utils.gate import Loss
from ansible_collections.quayside.fargate.plugins.plugin_utils.progress import Progress

_CAREFUL = "bright red"


@dataclass
class Approval:
    """Lets a deployment lose what it may, and nothing else.

    Args:
        stack: its name.
        option: the variable by which a loss is allowed.
        allow: what is allowed: logical ids, and variables that may fall back.
        check: whether nothing is executed, so that what would stop is only told.
        progress: where it is told.

    Attributes:
        used: what of `allow` was needed.
        stops: what stops, in words.
    """

    stack: str
    option: str
    allow: list[str]
    check: bool
    progress: Progress
    used: set[str] = field(default_factory=set)
    stops: list[str] = field(default_factory=list)

    def ask(self, losses: Iterable[Loss], falls: Iterable[Fall]) -> None:
        """Raise StackError for what isn't allowed, and tell what else falls back.

        Args:
            losses: what a change set would take away.
            falls: what would fall back.
        """
        told = list(falls)
        found: list[Fall | Loss] = [*(it for it in told if it.stops), *losses]
        self.used = {it.name for it in found} & {*self.allow}
        stopping = [it for it in found if it.name not in self.allow]
        self.stops = [it.text for it in stopping]
        names = ", ".join(dict.fromkeys(it.name for it in stopping))
        if stopping and not self.check:
            raise StackError(
                f"Stack {self.stack} was left as it is: {'; '.join(self.stops)}. Mend that, or "
                f"if it is meant, write {self.option}: [{names}]"
            )
        for text in self.stops:
            self.progress.say(f"{self.stack}: {text}", _CAREFUL)
        if stopping:
            self.progress.say(
                f"{self.stack}: this stops a deployment without {self.option}: [{names}]", _CAREFUL
            )
        for it in told:
            if it not in stopping:
                self.progress.say(f"{self.stack}: {it.text}", "yellow")

    @property
    def warnings(self) -> list[str]:
        """What of `allow` wasn't needed, in words."""
        return [
            f"{self.option}: {name} wasn't needed. Take it out, so that it allows nothing later."
            for name in self.allow
            if name not in self.used
        ]
