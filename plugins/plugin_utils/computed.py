"""Parameters that a role's values decide otherwise than by name: mapping.SPECIAL says why."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Collection, Mapping
from typing import Any

from ansible_collections.quayside.fargate.plugins.plugin_utils import variable_maps
from ansible_collections.quayside.fargate.plugins.plugin_utils.platform_stacks import NETWORK, name

Values = Mapping[str, Any]


def parameters(role: str, values: Values, given: Collection[str]) -> dict[str, Any]:
    """Return a role's computed parameters, as the action quayside.fargate.stack takes them.

    Args:
        role: its name, empty for a playbook, which has none.
        values: all its options by their names without the role's, typed.
        given: variables that somebody set.
    """
    compute = _COMPUTED.get(role)
    return compute(values, given) if compute else {}


def initial_parameters(role: str, values: Values, moment: datetime.datetime) -> dict[str, Any]:
    """Return the parameters that a role's stack is created with, and that others change later.

    Args:
        role, values: as `parameters` takes them.
        moment: now, UTC.
    """
    if role != "service":
        return {}
    return {
        "ActiveUser": values.get("first_active_user") or _first_active_user(values, moment),
        "LaunchType": "",  # so that a share of the tasks can go to Spot later
    }


def rotates(values: Values) -> bool:
    """Say whether a service's passwords are rotated."""
    wanted = values["rotation"] and values["database"]
    return bool(wanted and values["database_users"] == "blue-green")


def scales(values: Values) -> bool:
    """Say whether the number of a service's tasks is scaled."""
    return bool(values["scaling"]["max"])


def task_counts(values: Values) -> range:
    """Return all numbers of tasks that a service may be told to keep, now or at another time.

    Args:
        values: all options of the role service by their names without the role's, typed.
    """
    if not scales(values):
        return range(values["desired_count"], values["desired_count"] + 1)
    scaling = values["scaling"]
    limits = (scaling, *scaling["schedules"])
    counts = [it[limit] for it in limits for limit in ("min", "max") if limit in it]
    return range(min(counts), max(counts) + 1)


def _service(values: Values, given: Collection[str]) -> dict[str, Any]:
    references = values["secrets"].values()
    return {
        "DesiredCount": _desired_count(values, given),
        "SecretArns": sorted({*filter(None, map(variable_maps.secret_arn, references))}),
        "ParameterArns": sorted({*filter(None, map(variable_maps.parameter_arn, references))}),
    }


def _desired_count(values: Values, given: Collection[str]) -> Any:
    """Return the number of tasks: scaling's while it is on, and what it left if no other is given.

    A default would else take tasks away in the moment that scaling is switched off.
    """
    if scales(values):
        return ""
    count = values["desired_count"]
    return count if "service_desired_count" in given else {"unless_empty": count}


def _first_active_user(values: Values, moment: datetime.datetime) -> str:
    """Return the user whose own rotation is not the next: blue's is on the 1st, green's the 15th.

    A rotation begins at the full hour; from then on the other one is the next.
    """
    hour = values["rotation_hour"]
    green_next = (1, hour) <= (moment.day, moment.hour) < (15, hour)
    return "green" if rotates(values) and not green_next else "blue"


def _in_a_network(values: Values, _given: Collection[str]) -> dict[str, Any]:
    return {"NetworkStack": "" if values["vpc_id"] else name(NETWORK, values["platform"])}


def _load_balancer(values: Values, _given: Collection[str]) -> dict[str, Any]:
    kind = "Private" if values["scheme"] == "internal" else "Public"
    subnets = {} if values["subnet_ids"] else {"SubnetIds": {"output": f"{kind}SubnetIds"}}
    # A template of one's own may have no such parameters: what isn't in the list isn't given.
    more = enumerate(values["more_certificate_arns"], start=1)
    return subnets | {f"MoreCertificateArn{number}": arn for number, arn in more}


_COMPUTED: dict[str, Callable[[Values, Collection[str]], dict[str, Any]]] = {
    "service": _service,
    "support": _in_a_network,
    "cluster": _in_a_network,
    "load_balancer": _load_balancer,
}
