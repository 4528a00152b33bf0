"""The stacks that a role's stack takes values from, and what to say of one that isn't there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.quayside.fargate.plugins.plugin_utils import computed

Values = Mapping[str, Any]


def sources(role: str, values: Values) -> dict[str, str]:
    """Return the stacks in the order in which they are asked, each with the words if it is missing.

    Args:
        role: name of the role, empty for a playbook, which takes values from none.
        values: its options by their names without the role's, typed.
    """
    if "platform" not in values or role not in _NAMES:
        return {}
    return {
        f"{values['platform']}-{name}": _words(role, name, values) for name in _NAMES[role](values)
    }


def _service(values: Values) -> list[str]:
    names = ["support", f"deployment-{values['team']}", "cluster"]
    names += [f"load-balancer-{values['load_balancer']}"] if values["route"] else []
    names += ["rds"] if values["database"] else []
    return names + (["rotation"] if computed.rotates(values) else [])


def _load_balancer(values: Values) -> list[str]:
    return ["support", "cluster"] + ([] if values["subnet_ids"] else ["network"])


def _in_a_network(values: Values) -> list[str]:
    return [] if values["vpc_id"] else ["network"]


_NAMES = {
    "support": _in_a_network,
    "cluster": _in_a_network,
    "deployment_role": lambda _values: ["support"],
    "load_balancer": _load_balancer,
    "rds": lambda _values: ["support", "cluster"],
    "rotation": lambda _values: ["support", "rds"],
    "service": _service,
}


_SEVERAL = ("deployment", "load-balancer")  # kinds of which a platform may have several
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


def _words(role: str, name: str, values: Values) -> str:
    kind = next((it for it in _SEVERAL if name.startswith(f"{it}-")), name)
    text = _MISSING.get(f"{kind} of {role}") or _MISSING.get(kind) or _MISSING[""]
    own = name.removeprefix(f"{kind}-")
    return text.format(role=role, platform=values["platform"], name=name, own=own)
