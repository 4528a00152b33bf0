"""The stacks that a role's stack takes values from, and what to say of one that isn't there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.quayside.fargate.plugins.plugin_utils import computed
from ansible_collections.quayside.fargate.plugins.plugin_utils.platform_stacks import (
    CLUSTER,
    DEPLOYMENT,
    LOAD_BALANCER,
    NETWORK,
    RDS,
    ROTATION,
    SUPPORT,
    Kind,
    name,
)

Values = Mapping[str, Any]


def sources(role: str, values: Values) -> dict[str, str]:
    """Return the stacks in the order in which they are asked, each with the words if it is missing.

    Args:
        role: name of the role, empty for a playbook, which takes values from none.
        values: its options by their names without the role's, typed.
    """
    if "platform" not in values or role not in _SOURCES:
        return {}
    return {
        name(kind, values["platform"], _own(kind, values)): _words(role, kind, values)
        for kind in _SOURCES[role](values)
    }


def _service(values: Values) -> list[Kind]:
    kinds = [SUPPORT, DEPLOYMENT, CLUSTER]
    kinds += [LOAD_BALANCER] if values["route"] else []
    kinds += [RDS] if values["database"] else []
    return kinds + ([ROTATION] if computed.rotates(values) else [])


def _load_balancer(values: Values) -> list[Kind]:
    return [SUPPORT, CLUSTER] + ([] if values["subnet_ids"] else [NETWORK])


def _rotation(values: Values) -> list[Kind]:
    shown = values["dashboard"] and values["load_balancer"]
    return [SUPPORT, RDS] + ([LOAD_BALANCER] if shown else [])


def _in_a_network(values: Values) -> list[Kind]:
    return [] if values["vpc_id"] else [NETWORK]


# The option that names a stack of a kind of which a platform may have several.
_OWN = {DEPLOYMENT: "team", LOAD_BALANCER: "load_balancer"}
_SOURCES = {
    "support": _in_a_network,
    "cluster": _in_a_network,
    "deployment_role": lambda _values: [SUPPORT],
    "load_balancer": _load_balancer,
    "rds": lambda _values: [SUPPORT, CLUSTER],
    "rotation": _rotation,
    "service": _service,
}


_DEPLOY = "deploy the platform (playbooks/platform.yml)"
# What to say of a stack that isn't there, by its kind: to one role in its own words, else to all.
_MISSING = {
    "support": f"There is no platform {{platform}}. Mend {{role}}_platform, or {_DEPLOY}.",
    "deployment": (
        "The platform {platform} has no team {own}. Mend {role}_team, or deploy its role "
        "(playbooks/team.yml)."
    ),
    "load-balancer": (
        "The platform {platform} has no load balancer {own}. Mend {role}_load_balancer, or deploy "
        "that load balancer (role load_balancer)."
    ),
    "network": (
        "The platform {platform} has no network of its own. Give {role}_vpc_id for a VPC of yours, "
        "or deploy one (role network)."
    ),
    "network of load_balancer": (
        "The platform {platform} has no network of its own. Give {role}_subnet_ids for a VPC of "
        "yours, or deploy one (role network)."
    ),
    "rds of service": (
        "The platform {platform} has no database cluster. Deploy it (role rds), or set "
        "service_database to false."
    ),
    "rds": (
        "The platform {platform} has no database cluster, and no passwords to rotate. Deploy it "
        "first (role rds), or leave the role {role} out."
    ),
    "rotation": (
        "The platform {platform} has no rotation. Deploy it (role rotation), or set "
        "service_rotation to false."
    ),
    "": f"The platform {{platform}} isn't whole: it has no {{name}}. First {_DEPLOY}.",
}


def _words(role: str, kind: Kind, values: Values) -> str:
    text = _MISSING.get(f"{kind.word} of {role}") or _MISSING.get(kind.word) or _MISSING[""]
    return text.format(
        role=role, platform=values["platform"], name=kind.word, own=_own(kind, values)
    )


def _own(kind: Kind, values: Values) -> str:
    """Return the own name of the stack of a kind, "" where a platform has one only."""
    return str(values[_OWN[kind]]) if kind in _OWN else ""
