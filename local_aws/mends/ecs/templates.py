"""ECS resources of a template: the types of properties, and the wait for a steady service.

Wrong upstream: secrets and health checks of containers are dropped; numbers and booleans from
parameters stay strings; no wait for a steady service or for its end; a failed update isn't sent
back; a cancelled one goes on waiting; several properties are lost.
Source: CloudFormation reference, AWS::ECS::Service and AWS::ECS::TaskDefinition; Amazon ECS
developer guide, "How the Amazon ECS deployment circuit breaker detects failures".
Last needed: ministack 1.5.33.
"""

from __future__ import annotations

import contextlib
import contextvars
import time
from collections.abc import Iterator
from typing import Any

from ministack.services import ecs
from ministack.services.cloudformation import _stacks, provisioners, stacks

from local_aws.mending import Layer, Mending
from local_aws.mends.cloudformation.handlers import UnfinishedError
from local_aws.mends.ecs import deployment_alarms, draining

_STEADY_TIMEOUT = 600  # seconds; CloudFormation itself gives up after three hours
_FAILURE = (
    'Resource handler returned message: "Error occurred during operation '
    "'{}'.\" (HandlerErrorCode: GeneralServiceException)"
)
_BREAKER = "ECS Deployment Circuit Breaker was triggered"
_ALARM = "ECS Deployment Alarm was triggered"  # guessed; it isn't known to say which
_NUMBERS = {
    "DesiredCount",
    "HealthCheckGracePeriodSeconds",
    "MaximumPercent",
    "MinimumHealthyPercent",
    "ContainerPort",
    "HostPort",
    "StartPeriod",
    "Interval",
    "Retries",
    "StopTimeout",
    "HealthyPercent",
    "BakeTimeInMinutes",
    "ThresholdConfiguration.Value",
    "Base",
    "Weight",
}
# what a template asks of UpdateService beside what upstream tells it
_added: contextvars.ContextVar[dict[str, Any] | None] = contextvars.ContextVar(
    "added", default=None
)
_UNTOLD = (
    "HealthCheckGracePeriodSeconds",
    "EnableExecuteCommand",
    "PropagateTags",
    "EnableECSManagedTags",
    "PlatformVersion",
)
_BOOLEANS = {
    "Enable",
    "Rollback",
    "ResetOnHealthyTask",
    "EnableForceNewDeployment",
    "EnableExecuteCommand",
    "Essential",
    "ReadonlyRootFilesystem",
}


def install(mending: Mending) -> None:
    """Install the mends of this room."""
    mending.around(provisioners, "_normalize_container_defs", _normalize)
    mending.handler("AWS::ECS::TaskDefinition", "create", _create_definition)
    mending.handler("AWS::ECS::TaskDefinition", "update", _update_definition)
    mending.handler("AWS::ECS::Service", "create", _create_and_wait)
    mending.handler("AWS::ECS::Service", "update", _update_and_wait)
    mending.handler("AWS::ECS::Service", "delete", _delete_and_wait)
    mending.around(stacks, "_sends_back_failed_update", _sends_back)
    mending.around(ecs, "_update_service", _add, layer=Layer.REQUEST)


def typed(value: Any, name: str = "") -> Any:
    """Return a property with the type its schema gives it.

    Wrong upstream: a Ref to a Number parameter stays a string, on which ECS crashes, and "false"
    counts as true.
    """
    if isinstance(value, dict):
        whole = {key: f"{name}.{key}" if key == "Value" else key for key in value}  # of a tag, too
        return {key: typed(inner, whole[key]) for key, inner in value.items()}
    if isinstance(value, list):
        return [typed(inner, name) for inner in value]
    if name in _NUMBERS and isinstance(value, str) and value.isdigit():
        return int(value)
    if name in _BOOLEANS and value in ("true", "false"):
        return value == "true"
    return value


def _normalize(upstream: Any, definitions: list[dict[str, Any]]) -> list[dict[str, Any]]:
    # Wrong upstream: these keys stay PascalCase inside, so that secrets are silently dropped.
    normalized: list[dict[str, Any]] = upstream(definitions)
    for definition in normalized:
        for key in ("secrets", "healthCheck", "dependsOn", "ulimits", "repositoryCredentials"):
            if key in definition:
                definition[key] = provisioners._pascal_to_camel(definition[key])
    return normalized


def _create_definition(
    upstream: Any, logical_id: str, properties: dict[str, Any], stack: str
) -> Any:
    return _with_platform(upstream(logical_id, typed(properties), stack), properties)


def _update_definition(
    upstream: Any, physical_id: str, old: Any, new: dict[str, Any], *rest: Any
) -> Any:
    return _with_platform(upstream(physical_id, typed(old), typed(new), *rest), new)


def _with_platform(created: Any, properties: dict[str, Any]) -> Any:
    # Wrong upstream: runtimePlatform is dropped.
    platform = properties.get("RuntimePlatform")
    if platform:
        definition = ecs._task_defs[ecs._resolve_td_key(created[0])]
        definition["runtimePlatform"] = provisioners._pascal_to_camel(platform)
    return created


def _create_and_wait(upstream: Any, logical_id: str, properties: dict[str, Any], stack: str) -> Any:
    # Wrong upstream: CloudFormation doesn't wait for a service to be steady.
    properties = typed(properties)
    arn, attributes = upstream(logical_id, properties, stack)
    # Wrong upstream: CreateService is not told these.
    told = {name: properties[name] for name in _UNTOLD if name in properties}
    _service(arn).update(provisioners._pascal_to_camel(told))
    _tell_made(logical_id, arn, stack)
    try:
        _wait_until_steady(arn, known=())
    except ValueError as error:
        raise UnfinishedError(str(error), arn, attributes) from error
    return arn, attributes


def _update_and_wait(
    upstream: Any, arn: str, old: dict[str, Any], new: dict[str, Any], stack: str
) -> Any:
    known = tuple(deployment["id"] for deployment in _service(arn)["deployments"])
    # Wrong upstream: what a template no longer has is taken away. UpdateService leaves as it
    # is what it isn't told; an empty list takes away.
    with _adding(_forced(typed(old), typed(new))):
        updated = upstream(arn, typed(old), typed(old | new), stack)
    _wait_until_steady(updated[0], known, stack)
    return updated


def _forced(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """Return what UpdateService is asked for to begin a deployment, if these properties do.

    Wrong upstream: they don't. A changed ForceNewDeploymentNonce "signals ECS to start a new
    deployment even though no other service parameters have changed" (resource schema of
    AWS::ECS::Service). That EnableForceNewDeployment without a changed nonce forces none isn't
    said.
    """
    asked, before = new.get("ForceNewDeployment") or {}, old.get("ForceNewDeployment") or {}
    nonce = asked.get("ForceNewDeploymentNonce")
    another = nonce is not None and nonce != before.get("ForceNewDeploymentNonce")
    return {"forceNewDeployment": True} if asked.get("EnableForceNewDeployment") and another else {}


@contextlib.contextmanager
def _adding(told: dict[str, Any]) -> Iterator[None]:
    token = _added.set(told)
    try:
        yield
    finally:
        _added.reset(token)


def _add(upstream: Any, data: dict[str, Any]) -> Any:
    return upstream(data | (_added.get() or {}))


def _delete_and_wait(upstream: Any, arn: str, properties: dict[str, Any]) -> Any:
    # Wrong upstream: a delete returns while tasks still run.
    deleted = upstream(arn, properties)
    if not draining.service_is_gone(*arn.split("/")[-2:]):
        raise ValueError(f"Tasks of the service {arn} did not stop. Stop them with StopTask.")
    return deleted


def _sends_back(upstream: Any, kind: str) -> Any:
    # Wrong upstream: a service whose own update failed is not sent back to what it was.
    return kind == "AWS::ECS::Service" or upstream(kind)


def _tell_made(logical_id: str, arn: str, stack: str) -> None:
    """Tell that a service is made and waited for.

    Wrong upstream: no event has the physical id until the creation is complete. On AWS a second
    CREATE_IN_PROGRESS has it: CloudFormation user guide, "Understand CloudFormation stack creation
    events".
    """
    stacks._add_event(
        *(_stacks[stack]["StackId"], stack, logical_id, "AWS::ECS::Service"),
        *("CREATE_IN_PROGRESS", "Resource creation Initiated", arn),
    )


def _service(arn: str) -> dict[str, Any]:
    service: dict[str, Any] = ecs._services["/".join(arn.split("/")[-2:])]
    return service


def _has_failed(service: dict[str, Any], deployment: dict[str, Any]) -> bool:
    """Return whether a deployment has failed, and what ECS does about it is over.

    aws/containers-roadmap issue 1205, of ECS's own: ECS rolls back "and signal[s] to CloudFormation
    once rollback is complete".
    """
    primary = ecs._primary_deployment(service) or deployment
    rolling_back = primary is not deployment and primary["rolloutState"] == "IN_PROGRESS"
    return deployment["rolloutState"] == "FAILED" and not rolling_back


def _cause(service: dict[str, Any], deployment: str | None) -> str:
    record = service["_serviceDeployments"].get(deployment) or {}
    return _ALARM if record.get("alarms", {}).get("triggeredAlarmNames") else _BREAKER


def _wait_until_steady(arn: str, known: tuple[str, ...], stack: str = "") -> None:
    """Wait for the deployment that an update started (not `known` before), or raise ValueError.

    Wrong upstream: CancelUpdateStack of `stack` is heard only before the next resource.

    It is not simply the PRIMARY one: a fast crash may already have rolled back.
    """
    deployments = _service(arn)["deployments"]
    started = [d["id"] for d in deployments if d["id"] not in known]
    primary = ecs._primary_deployment(_service(arn)) or {}
    awaited = started[0] if started else primary.get("id")
    minutes = (_service(arn).get("deploymentConfiguration") or {}).get("bakeTimeInMinutes") or 0
    deadline = time.monotonic() + _STEADY_TIMEOUT + minutes * deployment_alarms.MINUTE
    while time.monotonic() < deadline:
        service = _service(arn)
        deployment = next((d for d in service["deployments"] if d["id"] == awaited), None)
        if deployment is None or _has_failed(service, deployment):
            raise ValueError(_FAILURE.format(_cause(service, awaited)))
        if deployment["rolloutState"] == "COMPLETED" and (
            deployment["id"] in started or deployment["runningCount"] >= service["desiredCount"]
        ):
            return
        if _stacks.get(stack, {}).pop("_cancel_requested", False):  # once: the rollback waits too
            raise ValueError("Resource update cancelled")
        time.sleep(0.1)
    raise ValueError(
        f'Resource handler returned message: "Exceeded attempts to wait" for {arn} '
        "(HandlerErrorCode: NotStabilized)"
    )
