"""What a service's login users may take of the server. No calls."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from custom_resources.contract.limits import FEWEST_CONNECTIONS
from custom_resources.shared.failure import Failure
from custom_resources.shared.properties import Properties

_STATEMENT, _CONNECTIONS = "StatementTimeoutSeconds", "ConnectionLimit"
PROPERTIES = (_STATEMENT, _CONNECTIONS)
_MOST_CONNECTIONS = 16_000
_LONGEST_SECONDS = 86_400


@dataclass(frozen=True)
class Limits:
    """What each login user may take of the server.

    Args:
        statement_seconds: how long a statement may take; 0 for no limit of ours.
        connections: how many connections a user may have; 0 for no limit of ours.
    """

    statement_seconds: int = 0
    connections: int = 0

    @property
    def statement_timeout(self) -> str:
        """PostgreSQL's words for it; empty for none."""
        return f"{self.statement_seconds}s" if self.statement_seconds else ""

    @classmethod
    def of(cls, properties: Properties) -> Limits:
        """Read the properties.

        Raises:
            Failure: naming the one that is wrong.
        """
        seconds = properties.number(_STATEMENT, low=0, high=_LONGEST_SECONDS, default=0)
        connections = properties.number(_CONNECTIONS, low=0, high=_MOST_CONNECTIONS, default=0)
        if 0 < connections < FEWEST_CONNECTIONS:
            raise Failure(
                f"Property {_CONNECTIONS} is {connections}, too few for a rotation and a "
                "deployment to log in.",
                "It must be 0 for no limit, or a whole number from "
                f"{FEWEST_CONNECTIONS} to {_MOST_CONNECTIONS}.",
            )
        return cls(seconds, connections)

    @classmethod
    def before(cls, given: Mapping[str, object]) -> Limits:
        """What the properties of an earlier event said; what is no number never got anywhere."""
        texts = [str(given.get(name) or 0) for name in PROPERTIES]
        return cls(*(int(text) if text.isdecimal() else 0 for text in texts))


NO_LIMITS = Limits()
