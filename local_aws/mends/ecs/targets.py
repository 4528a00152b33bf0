"""The target groups of a service's tasks, and what UpdateService makes of them.

Wrong upstream: another port or target group registers tasks anew that run with the old one; it
begins no deployment; and a service that has lost its load balancers stays registered. On AWS each
task stays where it was registered until it drains, and null leaves a property as it is.
Source: ECS API reference, UpdateService (loadBalancers: "You can remove existing loadBalancers by
passing an empty list"; both it and networkConfiguration: "This parameter triggers a new service
deployment"); the resource schema of AWS::ECS::Service says the same of an absent LoadBalancers.
Last needed: ministack 1.5.33.
"""

from __future__ import annotations

from typing import Any

from ministack.core.concurrency import resource_lock
from ministack.core.responses import error_response_json
from ministack.services import alb, ecs

from local_aws.mending import Layer, Mending

_DEPLOYING = ("loadBalancers", "networkConfiguration")
_NULLABLE = (
    *_DEPLOYING,
    "desiredCount",
    "healthCheckGracePeriodSeconds",
    "enableExecuteCommand",
    "platformVersion",
)

Service = dict[str, Any]
Task = dict[str, Any]
Balancers = list[dict[str, Any]]


def of_task(service: Service, task: Task) -> Balancers:
    """Return the load balancers under which a task was started: those its service had then."""
    balancers = task.setdefault("_load_balancers", service.get("loadBalancers") or [])
    return list(balancers or [])


def install(mending: Mending) -> None:
    """Replace the registration of targets, and mend UpdateService."""
    mending.around(ecs, "_update_service", _update_service, layer=Layer.STATE)
    mending.put(ecs, "_sync_service_targets", _register)


def _update_service(upstream: Any, data: dict[str, Any]) -> Any:
    data = {k: v for k, v in data.items() if v is not None or k not in _NULLABLE}
    cluster = ecs._resolve_cluster_name(data.get("cluster", "default"))
    found = ecs._resolve_service_ref(data.get("service", "")) or ("", None)
    service = ecs._services.get(f"{cluster}/{found[0]}")
    if not service:
        return upstream(data)
    missing = _missing_groups(data.get("loadBalancers", service.get("loadBalancers")) or [])
    if missing:
        message = f"The target group {missing[0]} does not exist."
        return error_response_json("InvalidParameterException", message, 400)
    for task in _tasks_of(service):
        of_task(service, task)  # whoever runs now keeps what he has
    if any(name in data and data[name] != service.get(name) for name in _DEPLOYING):
        data["forceNewDeployment"] = True
    answer = upstream(data)
    _register(str(cluster), service)
    return answer


def _missing_groups(balancers: Balancers) -> list[str]:
    groups = [it["targetGroupArn"] for it in balancers if it.get("targetGroupArn")]
    return [group for group in groups if group not in alb._tgs]


def _tasks_of(service: Service) -> list[Task]:
    group = f"service:{service.get('serviceName')}"
    return [
        task
        for task in list(ecs._tasks.values())
        if task.get("group") == group and task.get("clusterArn") == service.get("clusterArn")
    ]


def _register(_cluster: str, service: Service) -> None:
    """Register each running task in its own target groups, and take out those that don't run."""
    targets: dict[str, list[tuple[str, int]]] = {}
    for task in _tasks_of(service) if service.get("status") == "ACTIVE" else ():
        address = ecs._task_ip(task) if task.get("lastStatus") == "RUNNING" else None
        for balancer in of_task(service, task) if address else ():
            port = int(balancer.get("containerPort", 80))
            group = str(balancer.get("targetGroupArn"))
            targets.setdefault(group, []).append((str(address), port))
    published: dict[str, list[str]] = service.setdefault("_published_targets", {})
    for group in {*targets, *published}:
        with resource_lock("elbv2-targets", group):
            given = targets.get(group, [])
            alb.set_targets_for_group(group, given, published.get(group, ()))
            published[group] = [address for address, _ in given]
