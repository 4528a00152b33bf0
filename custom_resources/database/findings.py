"""What a repair found and did, in sentences that fit into a stack's output."""

from __future__ import annotations

from dataclasses import dataclass, field

NONE = "none since the last change of the database's properties"
# An answer has at most 4096 bytes, all fields together (CloudFormation user guide, "Custom
# resource response objects").
_CHARACTERS = 1800


@dataclass
class Findings:
    """What a repair found.

    Attributes:
        right: what is as it should be, by now.
        left: what isn't, and what to do about it.
    """

    right: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)

    def told(self, number: int) -> str:
        """All of it, what is left first.

        Args:
            number: of the repair.
        """
        outcome = "not all agrees" if self.left else "database and secrets agree"
        text = " ".join([f"{outcome} (repair {number}).", *self.left, *self.right])
        # ASCII alone, since JSON makes six bytes of any other character.
        plain = text.encode("ascii", "replace").decode()
        return plain if len(plain) <= _CHARACTERS else f"{plain[: _CHARACTERS - 3]}..."
