"""Values of a role that don't fit together, or that its template or Fargate doesn't take."""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ansible_collections.quayside.fargate.custom_resources.contract.limits import FEWEST_CONNECTIONS
from ansible_collections.quayside.fargate.plugins.plugin_utils import (
    beside,
    computed,
    deployment_rules,
    mapping,
    monitoring_rules,
    parameters,
    platform_stacks,
    routing_rules,
    scaling_rules,
    variable_names,
)
from ansible_collections.quayside.fargate.plugins.plugin_utils.errors import StackError
from ansible_collections.quayside.fargate.plugins.plugin_utils.overlays import overlay

Values = Mapping[str, Any]
# Fargate's pairs of CPU units and memory (MiB):
# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-cpu-memory-error.html
MEMORY = {
    256: (512, 1024, 2048),
    512: range(1024, 4096 + 1, 1024),
    1024: range(2048, 8192 + 1, 1024),
    2048: range(4096, 16384 + 1, 1024),
    4096: range(8192, 30720 + 1, 1024),
    8192: range(16384, 61440 + 1, 4096),
    16384: range(32768, 122880 + 1, 8192),
}


def broken(role: str, values: Values, template: Mapping[str, Any]) -> list[str]:
    """Return what the values of a role's variables break, one line each.

    Args:
        role: name of the role, empty for a playbook.
        values: all its options by their names without the role's, typed.
        template: its template, without what `overrides` lays over it; empty if it can't be read,
            which is the deployment's to say.
    """
    if values.get("state") == "absent":
        return []
    try:
        whole = overlay(template, values.get("overrides") or {})
    except StackError as error:
        return [f"{role}_overrides: {error}"]
    declared = whole.get("Parameters") or {}
    both = {**beside.parameters(role), **declared} if declared else {}
    lines = list(_limits(role, values, both))
    rules = _RULES.get(role)
    lines = lines or (list(rules(values, whole)) if rules else [])
    return [*lines, *variable_names.problems(role, values, template)]


def _limits(role: str, values: Values, declared: Mapping[str, Any]) -> Iterator[str]:
    """Yield the values that the template's parameters refuse; empty ones fall back to others."""
    for option, parameter, value in mapping.filled(role, values):
        if parameter not in declared or value in ("", [], None):
            continue
        name = f"{role}_{option}" if role else option
        try:
            text = parameters.as_text(name, value)
        except StackError as error:
            yield str(error)
            continue
        problem = parameters.problem(declared[parameter], text)
        if problem:
            yield f"{name} is {text!r}, but {problem}."


def _service(values: Values, template: Mapping[str, Any]) -> Iterator[str]:
    yield from _service_sizes(values)
    yield from scaling_rules.problems(values, datetime.datetime.now(datetime.UTC).date())
    yield from deployment_rules.problems(values)
    if not values.get("image"):
        yield "service_image is missing: give the service's image with its tag."
    if values["route"] and not values["host_name"]:
        yield (
            "service_host_name is missing: give the host name to route, or set service_route to "
            "false."
        )
    if computed.rotates(values) and _ends(values) > 24:  # noqa: PLR2004 # hours of a day
        yield (
            f"service_rotation_duration: {values['rotation_duration']} from "
            f"{values['rotation_hour']} o'clock on ends after midnight. Begin earlier "
            "(service_rotation_hour), or take less."
        )
    if 0 < values["connection_limit"] < FEWEST_CONNECTIONS:
        yield (
            f"service_connection_limit: {values['connection_limit']} are too few for a rotation "
            "and a deployment to log in beside the service. Give "
            f"{FEWEST_CONNECTIONS} or more, or 0 for no limit."
        )
    yield from _service_log(values)
    yield from _service_route(values, template)
    if values["route"]:
        yield from routing_rules.problems(values)
    yield from _service_names(values, template)
    yield from monitoring_rules.problems(values, template)


def _service_log(values: Values) -> Iterator[str]:
    if values["log_max_buffer_size"] and values["log_mode"] != "non-blocking":
        yield (
            "service_log_max_buffer_size: only lines of service_log_mode non-blocking are kept in "
            "memory. Give that mode, or leave the size out."
        )
    if values["masking_audit"] and not values["masked_data"]:
        yield (
            "service_masking_audit: service_masked_data is empty, so that nothing is looked for. "
            "Name what is masked, or leave it out."
        )


def _service_route(values: Values, template: Mapping[str, Any]) -> Iterator[str]:
    scales = computed.scales(values)
    option = "scaling.min" if scales else "desired_count"
    if values["takes_over"] and not (
        values["scaling"]["min"] if scales else values["desired_count"]
    ):
        yield (
            f"service_takes_over: service_{option} is 0, and the host name of "
            f"{values['takes_over']} would lead to no task. Give 1 or more."
        )
    resources = template.get("Resources") or {}
    rule, priority = (
        ((resources.get(name) or {}).get("Properties") or {}).get("Conditions")
        for name in ("ListenerRule", "ListenerPriority")
    )
    if rule != priority and "ListenerPriority" in resources:
        yield (
            "service_overrides: ListenerRule and ListenerPriority have other Conditions, and the "
            "rule's place among the others is decided by ListenerPriority's. Write the same under "
            "Resources.ListenerRule.Properties.Conditions and "
            "Resources.ListenerPriority.Properties.Conditions."
        )


def _service_sizes(values: Values) -> Iterator[str]:
    cpu, memory = values["cpu"], values["memory"]
    if memory not in MEMORY[cpu]:
        yield (
            f"service_memory: Fargate has no task of {cpu} CPU units with {memory} MiB. Take one "
            f"of {', '.join(map(str, MEMORY[cpu]))}."
        )


def _service_names(values: Values, template: Mapping[str, Any]) -> Iterator[str]:
    """Yield the names of variables that the container has already from somewhere else."""
    reserved = reserved_names(values, template)
    for option in ("environment", "secrets"):
        for name in values[option]:
            if name in reserved:
                yield (
                    f"service_{option}.{name}: the platform itself gives the container {name}. "
                    "Take another name."
                )
    for name in sorted(values["environment"].keys() & values["secrets"].keys()):
        yield f"service_secrets.{name} is in service_environment too. A variable has one value."


def reserved_names(values: Values, template: Mapping[str, Any]) -> set[str]:
    """Return the environment variables that the template gives the container by itself.

    Args:
        values: as `broken` takes them; what hangs on an option that is off isn't reserved.
        template: of a service.
    """
    task = (template.get("Resources") or {}).get("TaskDefinition") or {}
    containers = (task.get("Properties") or {}).get("ContainerDefinitions") or []
    conditions = template.get("Conditions") or {}
    return {
        name
        for container in containers
        for member in ("Environment", "Secrets")
        for item in container.get(member) or []
        for name in _names(item, conditions, values)
    }


def _names(item: Mapping[str, Any], conditions: Values, values: Values) -> Iterator[str]:
    if "Fn::If" in item:
        condition, then, otherwise = item["Fn::If"]
        for holds, branch in ((True, then), (False, otherwise)):
            if _holds(conditions.get(condition), values) in (holds, None):
                yield from _names(branch, conditions, values)
    elif "Name" in item:
        yield item["Name"]


def _holds(condition: Any, values: Values) -> bool | None:
    """Return whether a condition on a single option holds; None of others, which may hold."""
    match condition:
        case {"Fn::Equals": [{"Ref": str(parameter)}, str(wanted)]}:
            name = mapping.options_of("service", parameter)[0]
            return parameters.as_text(name, values[name]) == wanted if name in values else None
    return None


def _ends(values: Values) -> int:
    hours = re.match(r"[0-9]+", values["rotation_duration"])
    return int(values["rotation_hour"]) + int(hours[0] if hours else 0)


def _rds(values: Values, _template: Mapping[str, Any]) -> Iterator[str]:
    least, most = values["min_capacity"], values["max_capacity"]
    if values["instance_class"] == "db.serverless" and least > most:
        yield f"rds_min_capacity: {least} is greater than rds_max_capacity ({most}). Swap them."


def _load_balancer(values: Values, template: Mapping[str, Any]) -> Iterator[str]:
    name, more = "load_balancer_more_certificate_arns", values["more_certificate_arns"]
    declared = template.get("Parameters") or {}
    most = sum(it.startswith("MoreCertificateArn") for it in declared)
    if more and not values["certificate_arn"]:
        yield (
            f"{name}: load_balancer_certificate_arn is empty, so that no HTTPS is served. Give the "
            "certificate for clients that ask for no name of the others there."
        )
    if declared and len(more) > most:
        yield (
            f"{name}: {len(more)} certificates, and the template takes {most}. Take certificates "
            "with several names or a wildcard, or deploy another load balancer."
        )
    for arn in sorted({it for it in more if more.count(it) > 1}):
        yield f"{name}: {arn} stands there twice. Take one out."
    for arn in more[:most]:
        problem = parameters.problem(declared["MoreCertificateArn1"], arn) if arn else "it is empty"
        if problem:
            yield f"{name} has {arn!r}, but {problem}."


def _network(values: Values, _template: Mapping[str, Any]) -> Iterator[str]:
    yield from _platform("network", values)
    zones, count = values["availability_zones"], values["zone_count"]
    if zones and len(zones) < count:
        yield (
            f"network_availability_zones: {len(zones)} zones, and network_zone_count is {count}. "
            "Name as many, or none."
        )


def _support(values: Values, _template: Mapping[str, Any]) -> Iterator[str]:
    yield from _platform("support", values)


def _platform(role: str, values: Values) -> Iterator[str]:
    """Yield a line for a name by which a platform's stacks would be called as another's are."""
    platform = values["platform"]
    other = platform_stacks.mistaken_for(platform)
    if other:
        yield (
            f"{role}_platform is '{platform}', and a platform {other} may call its stacks as this "
            f"one would: {platform}-rds and so on. Take a name without "
            f"'{platform.removeprefix(f'{other}-')}'."
        )


def _deployment_role(values: Values, _template: Mapping[str, Any]) -> Iterator[str]:
    if (values["team"] == "all") == bool(values["service_prefix"]):
        yield (
            "deployment_role_service_prefix: the team all has none, every other team has one. "
            "Give the team's prefix, or leave deployment_role_team out too."
        )


_RULES: dict[str, Callable[[Values, Mapping[str, Any]], Iterator[str]]] = {
    "service": _service,
    "rds": _rds,
    "load_balancer": _load_balancer,
    "network": _network,
    "support": _support,
    "deployment_role": _deployment_role,
}
