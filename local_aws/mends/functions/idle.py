"""Functions in a VPC that nobody invoked for a fortnight.

Wrong upstream: a template's VpcConfig and ReservedConcurrentExecutions are dropped, and a function
is Active for ever.
Source: AWS Lambda developer guide, "Lambda function states" (an invocation of an inactive function
fails, and Lambda sets it to pending until its resources are there again), "Giving Lambda functions
access to resources in an Amazon VPC" (reclaimed after 14 days); API reference, Invoke
(ResourceNotReadyException, ResourceConflictException). On AWS it is active again after up to 90 s.
What an event rule sends is delivered when it is: EventBridge tries again for a day. How
CloudFormation words it isn't documented.
Last needed: ministack 1.5.33.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

from ministack.core.responses import error_response_json
from ministack.services import lambda_svc
from ministack.services.cloudformation import custom_resource

from local_aws import clock
from local_aws.controls import control
from local_aws.mending import Layer, Mending

_DAYS = 14
_DAY = 86400  # seconds
_NOT_READY = (
    "The function is inactive and its VPC connection is no longer available. Wait for the VPC "
    "connection to reestablish and try again."
)
_CONFLICT = (
    "The operation cannot be performed at this time. The function is currently in the following "
    "state: Pending"
)

Configuration = dict[str, Any]
_invoked: dict[str, float] = {}  # by ARN: when, in seconds since the epoch
_lock = threading.Lock()
_restoring = 5.0  # seconds


def install(mending: Mending) -> None:
    """Keep what templates say, and let functions fall asleep."""
    mending.handler("AWS::Lambda::Function", "create", _create)
    mending.handler("AWS::Lambda::Function", "update", _update)
    mending.around(lambda_svc, "_invoke", _invoke, layer=Layer.STATE)
    mending.around(lambda_svc, "_execute_function", _execute, layer=Layer.STATE)
    mending.around(lambda_svc, "invoke_async_with_retry", _invoke_later, layer=Layer.STATE)
    mending.around(
        custom_resource, "invoke_custom_resource", _invoke_custom_resource, layer=Layer.STATE
    )


@control("idle")
def idle(days: float, restoring: float) -> None:
    """Move the clock; a function that becomes active again takes `restoring` seconds."""
    global _restoring  # noqa: PLW0603 - there is one clock
    _restoring = restoring
    clock.jump(days * _DAY)
    for function in lambda_svc._functions.values():
        configuration = function["config"]
        if _is_in_vpc(configuration) and _idle_for(configuration) >= _DAYS * _DAY:
            _set(configuration, "Inactive", "The function is inactive.", "Idle")


def _is_in_vpc(configuration: Configuration) -> bool:
    return bool((configuration.get("VpcConfig") or {}).get("SubnetIds"))


def _idle_for(configuration: Configuration) -> float:
    made = datetime.fromisoformat(configuration["LastModified"]).timestamp()
    return clock.since(max(made, _invoked.get(configuration["FunctionArn"], 0)))


def _set(configuration: Configuration, state: str, reason: str = "", code: str = "") -> None:
    configuration.update(State=state, StateReason=reason, StateReasonCode=code)


def _refusal(name: str) -> tuple[str, str, int] | None:
    """Return why a function can't be invoked now; one that is inactive begins to be restored."""
    configuration = (lambda_svc._functions.get(name) or {}).get("config")
    if not configuration or not _is_in_vpc(configuration):
        return None
    with _lock:
        if configuration["State"] == "Inactive":
            _set(configuration, "Pending", "The function is being restored.", "Restoring")
            restoring = threading.Timer(_restoring, _set, (configuration, "Active"))
            restoring.daemon = True
            restoring.start()
            return "ResourceNotReadyException", _NOT_READY, 502
        if configuration.get("StateReasonCode") == "Restoring":
            return "ResourceConflictException", _CONFLICT, 409
        _invoked[configuration["FunctionArn"]] = time.time()
    return None


async def _invoke(upstream: Any, name: str, *rest: Any, **options: Any) -> Any:
    refusal = _refusal(name)
    return error_response_json(*refusal) if refusal else await upstream(name, *rest, **options)


def _execute(upstream: Any, function: dict[str, Any], event: Any) -> Any:
    refusal = _refusal(_name(function))
    if refusal:
        code, message, _ = refusal
        body = {"errorType": code, "errorMessage": message}
        return {"error": True, "function_error": "Unhandled", "body": body, "log": ""}
    return upstream(function, event)


def _invoke_later(upstream: Any, function: dict[str, Any], event: Any) -> None:
    _when_active(function, lambda: upstream(function, event))


def _name(function: dict[str, Any]) -> str:
    return str((function.get("config") or function).get("FunctionName", ""))


def _when_active(function: dict[str, Any], deliver: Callable[[], None]) -> None:
    if _refusal(_name(function)) is None:
        deliver()
        return
    again = threading.Timer(0.5, _when_active, (function, deliver))
    again.daemon = True
    again.start()


def _invoke_custom_resource(
    upstream: Any, request: str, logical_id: str, properties: Any, *rest: Any, **options: Any
) -> Any:
    name = str(properties.get("ServiceToken", "")).rsplit(":", 1)[-1]
    refusal = _refusal(name)
    if refusal:
        code, message, status = refusal
        raise RuntimeError(
            f"{message} (Service: Lambda, Status Code: {status}, Error Code: {code})"
        )
    return upstream(request, logical_id, properties, *rest, **options)


def _create(upstream: Any, logical_id: str, properties: dict[str, Any], *rest: Any) -> Any:
    return _kept(upstream(logical_id, properties, *rest), properties)


def _update(upstream: Any, physical_id: str, old: Any, new: dict[str, Any], *rest: Any) -> Any:
    return _kept(upstream(physical_id, old, new, *rest), new)


def _kept(made: Any, properties: dict[str, Any]) -> Any:
    function = lambda_svc._functions[made[0]]
    network = properties.get("VpcConfig")
    function["config"]["VpcConfig"] = lambda_svc._vpc_config_with_id(network)
    reserved = properties.get("ReservedConcurrentExecutions")
    function["concurrency"] = None if reserved is None else int(reserved)
    return made
