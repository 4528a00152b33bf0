"""What a role's variables make of the options of quayside.fargate.stack that aren't parameters."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from ansible_collections.quayside.fargate.custom_resources.contract.names import Service

Values = Mapping[str, Any]
_CONTAINER = "app"  # as templates/service.yml names it
# What falls back in both of a service's stacks is asked or told of in the first's.
_ANSWERED = {
    *("service_team", "service_route", "service_tags", "service_termination_protection"),
}


def overlay(role: str, values: Values) -> dict[str, Any]:
    """Return what is laid over a role's template.

    Args:
        role: name of the role, empty for a playbook.
        values: all its options by their names without the role's, typed.
    """
    overrides = values.get("overrides") or {}
    if role != "service":
        return {**overrides}
    return _joined(_joined(_container(values), _schedules(values)), overrides)


def termination_protection(role: str, values: Values, given: Collection[str]) -> bool | None:
    """Return whether a role's stack is protected, None if that stays as it is.

    A default must not lift the protection of what is deleted.

    Args:
        role, values: as `overlay` takes them.
        given: variables that somebody set.
    """
    if values.get("state") == "absent" and f"{role}_termination_protection" not in given:
        return None
    protected: bool | None = values.get("termination_protection")
    return protected


def beside(
    role: str, values: Values, given: Collection[str], sources: Collection[str]
) -> dict[str, list[str]]:
    """Return `given`, `parameters_from` and `any_version` of the stack that stands beside a
    service's, which may have a template of one's own.

    Args:
        role, values, given: as `termination_protection` takes them.
        sources: names of the stacks that the service's takes values from.
    """
    if role != "service":
        return {}
    stack = Service(values["platform"], values["name"]).stack
    return {
        "given": sorted({*given, *_ANSWERED}),
        "parameters_from": [*sources, stack],
        "any_version": [stack],
    }


def _container(values: Values) -> dict[str, Any]:
    """Return what the environment and the secrets of a service are in its template."""
    environment, secrets = values["environment"], values["secrets"]
    if not environment and not secrets:
        return {}
    container = {
        "Name": _CONTAINER,
        "Environment": [{"Name": name, "Value": value} for name, value in environment.items()],
        "Secrets": [{"Name": name, "ValueFrom": source} for name, source in secrets.items()],
    }
    task = {"Properties": {"ContainerDefinitions": [container]}}
    return {"Resources": {"TaskDefinition": task}}


def _schedules(values: Values) -> dict[str, Any]:
    """Return what the schedules of a service's scaling are in its template."""
    actions = [
        {
            "ScheduledActionName": it["name"],
            "Schedule": f"cron({' '.join(it['cron'].split())})",
            "Timezone": it["time_zone"],
            "ScalableTargetAction": {
                member: it[limit]
                for member, limit in (("MinCapacity", "min"), ("MaxCapacity", "max"))
                if limit in it
            },
        }
        for it in values["scaling"]["schedules"]
    ]
    if not actions:
        return {}
    return {"Resources": {"ScalableTarget": {"Properties": {"ScheduledActions": actions}}}}


def _joined(first: Values, second: Values) -> dict[str, Any]:
    """Return two maps as one: maps below are joined too, lists follow one another."""
    both = {**first, **second}
    for name in first.keys() & second.keys():
        before, after = first[name], second[name]
        if isinstance(before, Mapping) and isinstance(after, Mapping):
            both[name] = _joined(before, after)
        elif isinstance(before, list) and isinstance(after, list):
            both[name] = [*before, *after]
    return both
