"""The stacks of a platform: which kinds there are, how each is named, and in which order they go.

A stack is called PLATFORM-KIND, or PLATFORM-KIND-NAME where a platform has several of a kind.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ansible_collections.quayside.fargate.custom_resources.contract import names

# What a teardown deletes in one step.
SERVICES, PROTECTED, FOUNDATIONS = "services", "protected", "foundations"


@dataclass(frozen=True)
class Kind:
    """A kind of stack.

    word: what stands for it in a stack's name; step: with what it is deleted; several: whether a
    platform has several, each with a name of its own.
    """

    word: str
    step: str
    several: bool = False


RESTORE = Kind("restore", SERVICES, several=True)  # of a service's database, while that takes
MONITORING = Kind("monitoring", SERVICES, several=True)
SERVICE = Kind(names.SERVICE, SERVICES, several=True)
ROTATION = Kind("rotation", SERVICES)
LOAD_BALANCER = Kind("load-balancer", PROTECTED, several=True)
RDS = Kind("rds", PROTECTED)
DEPLOYMENT = Kind("deployment", FOUNDATIONS, several=True)
CLUSTER = Kind("cluster", FOUNDATIONS)
SUPPORT = Kind("support", FOUNDATIONS)
NETWORK = Kind("network", FOUNDATIONS)
# In the order of their deletion: CloudFormation refuses to delete a stack in use.
KINDS = (
    *(RESTORE, MONITORING, SERVICE, ROTATION, LOAD_BALANCER, RDS),
    *(DEPLOYMENT, CLUSTER, SUPPORT, NETWORK),
)
# As the templates' parameter Platform takes it; a test holds the two together.
_PLATFORM = re.compile(r"(?!aws|ssm|internal)[a-z](?:[a-z0-9]|-(?!-|$)){1,20}")


def is_platform(name: str) -> bool:
    """Say whether a platform can be called so."""
    return bool(_PLATFORM.fullmatch(name))


def name(kind: Kind, platform: str, own: str = "") -> str:
    """Return what a platform calls a stack.

    Args:
        kind: of the stack.
        platform: whose it is.
        own: its own name, where a platform has several of the kind.
    """
    return f"{platform}-{kind.word}" + (f"-{own}" if kind.several else "")


def platforms(stacks: Iterable[str]) -> list[str]:
    """Return the platforms there are, sorted: each has one stack of support.

    Args:
        stacks: names of all stacks.
    """
    end = name(SUPPORT, "")
    return sorted({it.removesuffix(end) for it in stacks if it.endswith(end)})


def kind_of(name: str, platform: str) -> Kind | None:
    """Return what kind of a platform's stacks has a name; None if none has.

    Args:
        name: of a stack.
        platform: whose stack it would be.
    """
    rest = name.removeprefix(f"{platform}-") if name.startswith(f"{platform}-") else ""
    return next((kind for kind in KINDS if _is_named(rest, kind)), None)


def owners(name: str) -> Iterator[str]:
    """Yield the platforms that would call one of their stacks so.

    There may be several: shop-service-network is a service of shop, and the network of
    shop-service.

    Args:
        name: of a stack.
    """
    for hyphen in re.finditer("-", name):
        platform = name[: hyphen.start()]
        if is_platform(platform) and kind_of(name, platform):
            yield platform


def mistaken_for(platform: str) -> str | None:
    """Return the platform whose stacks may be called as those of another; None if there is none.

    shop-service-rds is a service of shop, and the databases of shop-service; policies for shop's
    services cover both.

    Args:
        platform: the other's name.
    """
    words = "|".join(kind.word for kind in KINDS if kind.several)
    for found in re.finditer(f"-(?:{words})(?=-|$)", platform):
        if is_platform(platform[: found.start()]):
            return platform[: found.start()]
    return None


def _is_named(rest: str, kind: Kind) -> bool:
    own = rest.removeprefix(f"{kind.word}-")
    return (own not in ("", rest)) if kind.several else rest == kind.word
