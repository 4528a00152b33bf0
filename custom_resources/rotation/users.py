"""Whose a secret is, by its name."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass

from custom_resources.shared.failure import Failure

CURRENT, PENDING, PREVIOUS = "AWSCURRENT", "AWSPENDING", "AWSPREVIOUS"
# Our own staging label: it moves when a rotation is finished, and its event means just that.
ROTATED = "ROTATED"

_SECRET = re.compile(
    r"(?P<platform>[a-z][a-z0-9-]{1,20})/(?P<service>[a-z][a-z0-9-]{1,29})/db/(?P<colour>blue|green)"
)


@dataclass(frozen=True)
class ServiceUser:
    """One of the two database users of a service.

    Args:
        platform: name of the platform, which is its ECS cluster's too.
        service: name of the service, which is its ECS service's too.
        colour: blue or green.
    """

    platform: str
    service: str
    colour: str

    @classmethod
    def of(cls, secret_name: str) -> ServiceUser:
        """Read a secret's name.

        Args:
            secret_name: PLATFORM/SERVICE/db/COLOUR.
        Raises:
            Failure: the name has another form.
        """
        found = _SECRET.fullmatch(secret_name)
        if not found:
            raise Failure(
                f"The secret {secret_name} is none of a service's database user.",
                "Only secrets called PLATFORM/SERVICE/db/blue or .../green are rotated here.",
            )
        return cls(**found.groupdict())

    def __str__(self) -> str:
        return f"the user {self.colour} of {self.service}"

    @property
    def secret_name(self) -> str:
        """Name of the user's secret."""
        return f"{self.platform}/{self.service}/db/{self.colour}"

    @property
    def stack_name(self) -> str:
        """Name of the service's stack."""
        return f"{self.platform}-service-{self.service}"


def is_paused() -> bool:
    """Whether the platform's pause switch is on (the environment's ROTATION_PAUSED)."""
    return os.environ.get("ROTATION_PAUSED", "false") == "true"
