"""Capacity provider strategies of services: refused, changed, and followed task by task.

Wrong upstream: a cluster needn't have the providers; all tasks go to one provider; a strategy
changes without a deployment, the deployment that comes shows the old one, and an empty one makes
the service EC2's.
Source: ECS API reference, CreateService and UpdateService; resource schema of AWS::ECS::Service,
whose description quotes two of the errors ("you must force a new deployment", "No launch type to
fall back to"), says what an empty strategy falls back to, and that CloudFormation begins a
deployment by itself. The others are guessed. A reclaimed task: developer guide, "Amazon ECS
clusters for Fargate" (SIGTERM at once, "Your Spot Task was interrupted.", SpotInterruption).
What is decided is in placement.py.
Last needed: ministack 1.5.33.
"""

from __future__ import annotations

import json
from collections import Counter
from contextvars import ContextVar
from typing import Any

from ministack.core.responses import error_response_json, json_response
from ministack.services import ecs

from local_aws.controls import control
from local_aws.mending import Layer, Mending
from local_aws.mends.ecs import draining, placement
from local_aws.mends.ecs.configuration import service_of

_FORCE = (
    "When switching from launch type to capacity provider strategy on an existing service, or "
    "making a change to a capacity provider strategy on a service that is already using one, you "
    "must force a new deployment."
)
_NOTHING_LEFT = (
    "No launch type to fall back to for empty capacity provider strategy. Your service was not "
    "created with a launch type."
)
_SPOT = "FARGATE_SPOT"
_by_template: ContextVar[bool] = ContextVar("by_template", default=False)

Request = dict[str, Any]


def install(mending: Mending) -> None:
    """Refuse, change and follow strategies."""
    mending.around(ecs, "_create_service", _create)
    mending.around(ecs, "_update_service", _update)
    mending.around(ecs, "_run_task", _run)
    mending.handler("AWS::ECS::Service", "update", _update_by_template, layer=Layer.INPUT)


@control("reclaim")
def _reclaim(task: str) -> bool:
    found = ecs._tasks.get(task)
    spot = found is not None and found.get("capacityProviderName") == _SPOT
    return spot and draining.reclaim(found)


def _update_by_template(upstream: Any, *arguments: Any) -> Any:
    token = _by_template.set(True)
    try:
        return upstream(*arguments)
    finally:
        _by_template.reset(token)


def _create(upstream: Any, data: Request) -> Any:
    problem = _problem(data)
    if problem:
        return _refused(problem)
    answer = upstream(data)
    service = service_of({**data, "service": data.get("serviceName")})
    if service is not None:
        service.setdefault("_created_with", data.get("launchType"))
    return answer


def _update(upstream: Any, data: Request) -> Any:
    service, strategy = service_of(data), data.get("capacityProviderStrategy")
    if service is None or strategy is None:
        return upstream({k: v for k, v in data.items() if k != "capacityProviderStrategy"})
    before, launch_type = service.get("capacityProviderStrategy") or [], None
    problem = _problem(data)
    if not strategy or strategy != before:
        data = {**data, "forceNewDeployment": _is_forced(data)}
        problem = problem or (None if data["forceNewDeployment"] else _FORCE)
    if not strategy:
        launch_type = service.get("_created_with")
        strategy = [] if launch_type else _cluster(data).get("defaultCapacityProviderStrategy")
        if not launch_type and not strategy:
            problem = problem or _NOTHING_LEFT
    if problem:
        return _refused(problem)
    # As upstream does it, but before the new deployment takes it over.
    service["capacityProviderStrategy"] = strategy or None
    service["launchType"] = launch_type
    return upstream({**data, "capacityProviderStrategy": strategy})


def _is_forced(data: Request) -> bool:
    return bool(data.get("forceNewDeployment") or _by_template.get())


def _problem(data: Request) -> str | None:
    strategy = data.get("capacityProviderStrategy") or []
    return placement.strategy_problem(strategy, _cluster(data).get("capacityProviders") or [])


def _cluster(data: Request) -> dict[str, Any]:
    name = ecs._resolve_cluster_name(data.get("cluster", "default"))
    return ecs._clusters.get(name) or {}


def _refused(problem: str) -> Any:
    return error_response_json("InvalidParameterException", problem, 400)


def _run(upstream: Any, data: Request) -> Any:
    strategy = data.get("capacityProviderStrategy") or []
    if len(strategy) < 2:  # noqa: PLR2004 - one provider gets all
        return upstream(data)
    places = Counter(placement.placed(strategy, _running(data), int(data.get("count", 1))))
    tasks: list[Any] = []
    failures: list[Any] = []
    for provider, count in places.items():
        alone = [{"capacityProvider": provider, "weight": 1}]
        status, headers, body = upstream(
            {**data, "count": count, "capacityProviderStrategy": alone}
        )
        if status >= 400:  # noqa: PLR2004 - HTTP
            return status, headers, body
        answer = json.loads(body)
        tasks += answer.get("tasks") or []
        failures += answer.get("failures") or []
    return json_response({"tasks": tasks, "failures": failures})


def _running(data: Request) -> Counter[str]:
    """Return how many tasks of the same deployment each provider has."""
    deployment = data.get("_deploymentId")
    return Counter(
        str(task.get("capacityProviderName"))
        for task in list(ecs._tasks.values())
        if deployment
        and task.get("_deployment_id") == deployment
        and task["lastStatus"] in ecs._PRE_STOP_STATUSES
    )
