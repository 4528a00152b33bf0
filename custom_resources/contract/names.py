"""What a platform's things are called."""

from __future__ import annotations

import re
from dataclasses import dataclass

USERS = ("blue", "green")
ROTATE, ACTIVATE = "rotate", "activate"  # functions: PLATFORM-rotate
SERVICE = "service"  # a stack: PLATFORM-service-NAME
# The parameter of a service's stack that names the user in use.
ACTIVE_USER = "ActiveUser"
# What stands in the name of every user's secret.
OF_A_USER = "/db/"

_SECRET = re.compile(
    rf"(?P<platform>[a-z][a-z0-9-]{{1,20}})/(?P<service>[a-z][a-z0-9-]{{1,29}}){OF_A_USER}"
    rf"(?P<colour>{'|'.join(USERS)})"
)


@dataclass(frozen=True)
class Service:
    """A service by its names.

    Args:
        platform: name of the platform, which is its ECS cluster's too.
        name: of the service, which is its ECS service's too.
    """

    platform: str
    name: str

    def __str__(self) -> str:
        return f"{self.platform}/{self.name}"

    @property
    def stack(self) -> str:
        """Name of its stack."""
        return f"{stack_prefix(self.platform)}{self.name}"

    def secret(self, user: str) -> str:
        """Name of the secret of its user blue or green."""
        return f"{self}{OF_A_USER}{user}"


@dataclass(frozen=True)
class ServiceUser:
    """One of the two database users of a service.

    Args:
        platform: name of the platform.
        service: name of the service.
        colour: blue or green.
    """

    platform: str
    service: str
    colour: str

    @classmethod
    def of(cls, secret_name: str) -> ServiceUser | None:
        """Whose a secret is, by its name; None if it is none of a database user."""
        found = _SECRET.fullmatch(secret_name)
        return cls(**found.groupdict()) if found else None

    def __str__(self) -> str:
        return f"the user {self.colour} of {self.service}"

    @property
    def secret_name(self) -> str:
        """Name of the user's secret."""
        return Service(self.platform, self.service).secret(self.colour)

    @property
    def stack_name(self) -> str:
        """Name of the service's stack."""
        return Service(self.platform, self.service).stack


def stack_prefix(platform: str) -> str:
    """What the names of the stacks of a platform's services begin with."""
    return f"{platform}-{SERVICE}-"


def function(platform: str, kind: str) -> str:
    """Name of a platform's function ROTATE or ACTIVATE."""
    return f"{platform}-{kind}"


def metrics_namespace(platform: str) -> str:
    """CloudWatch's namespace of a platform's own metrics."""
    return f"Quayside/{platform}"


def other(user: str) -> str:
    """The other one of blue and green."""
    return USERS[1 - USERS.index(user)]
