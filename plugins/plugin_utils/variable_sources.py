"""The stacks that a role's stack takes values from, and what to say of one that isn't there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

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
    return names + (["rds"] if values["database"] else [])


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
    "service": _service,
}


def _words(role: str, name: str, values: Values) -> str:
    platform = values["platform"]
    kind, _hyphen, own = name.partition("-")
    deploy = "deploy the platform (playbooks/platform.yml)"
    match kind:
        case "support":
            return f"There is no platform {platform}. Mend {role}_platform, or {deploy}."
        case "deployment":
            return (
                f"The platform {platform} has no team {own}. Mend {role}_team, or deploy its role "
                "(playbooks/team.yml)."
            )
        case "load":
            return (
                f"The platform {platform} has no load balancer {own.removeprefix('balancer-')}. "
                f"Mend {role}_load_balancer, or deploy that load balancer (role load_balancer)."
            )
        case "rds" if role == "service":
            return (
                f"The platform {platform} has no database cluster. Deploy it (role rds), or set "
                "service_database to false."
            )
        case "network":
            network = f"{role}_subnet_ids" if role == "load_balancer" else f"{role}_vpc_id"
            return (
                f"The platform {platform} has no network of its own. Give {network} for a VPC of "
                "yours, or deploy one (role network)."
            )
    return f"The platform {platform} isn't whole: it has no {name}. First {deploy}."
