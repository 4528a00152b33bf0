"""Services that ECS refuses: their load balancers, their deployment configuration.

Wrong upstream: a load balancer's container, port and listener rule needn't be there, a grace
period needs no load balancer, and a deployment configuration may be anything (configuration.py).
Source: Amazon ECS API reference, LoadBalancer (containerName, containerPort), CreateService
(healthCheckGracePeriodSeconds); the errors as quoted in public threads.
Last needed: ministack 1.5.33.
"""

from __future__ import annotations

from typing import Any

from ministack.core.responses import error_response_json
from ministack.services import alb, ecs

from local_aws.mending import Layer, Mending
from local_aws.mends.ecs import configuration
from local_aws.mends.ecs.configuration import service_of


def install(mending: Mending) -> None:
    """Refuse what ECS refuses, of calls and of templates."""
    for name in ("_create_service", "_update_service"):
        mending.around(ecs, name, _checked, layer=Layer.VALIDATION)


def _checked(upstream: Any, data: dict[str, Any]) -> Any:
    refusal = _refusal(data)
    if refusal:
        return error_response_json("InvalidParameterException", refusal, 400)
    return upstream(data)


def _refusal(data: dict[str, Any]) -> str | None:
    service = service_of(data) or {}
    balancers = data.get("loadBalancers")
    if balancers is None:
        balancers = service.get("loadBalancers") or []
    if data.get("healthCheckGracePeriodSeconds") and not balancers:
        return (
            "Health check grace period is only valid for services configured to use load balancers"
        )
    definition = _definition(data.get("taskDefinition") or service.get("taskDefinition") or "")
    for balancer in balancers:
        refusal = _port_refusal(balancer, definition) or _group_refusal(balancer)
        if refusal:
            return refusal
    told = data.get("deploymentConfiguration")
    return configuration.refusal(configuration.merged(service, told)) if told else None


def _definition(reference: str) -> dict[str, Any]:
    return ecs._task_defs.get(ecs._resolve_td_key(reference)) or {}


def _port_refusal(balancer: dict[str, Any], definition: dict[str, Any]) -> str | None:
    name, port = balancer.get("containerName"), int(balancer.get("containerPort", 80))
    containers = {it["name"]: it for it in definition.get("containerDefinitions") or []}
    if not containers:
        return None
    if name not in containers:
        return f"The container {name} does not exist in the task definition."
    mappings = containers[name].get("portMappings") or []
    if port not in [int(it.get("containerPort", 0)) for it in mappings]:
        return f"The container {name} did not have a container port {port} defined."
    return None


def _group_refusal(balancer: dict[str, Any]) -> str | None:
    group = balancer.get("targetGroupArn")
    if not group or any(group in str(it) for it in _forwarding()):
        return None
    return (
        f"The target group with targetGroupArn {group} does not have an associated load balancer."
    )


def _forwarding() -> list[Any]:
    rules = [rule.get("Actions") for _, rule in alb._rules.all_items()]
    return rules + [it.get("DefaultActions") for _, it in alb._listeners.all_items()]
