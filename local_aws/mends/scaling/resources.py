"""Scalable targets, with their scheduled actions, and scaling policies in templates.

Wrong upstream: the types are missing.
Source: resource schemas of AWS::ApplicationAutoScaling::ScalableTarget (its update deletes
scheduled actions that are no longer listed; "Duplicates aren't allowed") and ScalingPolicy
(requiredXor of ScalingTargetId and ResourceId).
Last needed: ministack 1.5.33.
"""

from __future__ import annotations

from typing import Any

from local_aws.mending import Mending
from local_aws.mends.cloudformation.handlers import Created, Properties
from local_aws.mends.scaling import targets
from local_aws.mends.scaling.targets import Record, RefusedError

_IDENTITY = ("ResourceId", "ScalableDimension", "ServiceNamespace")


def install(mending: Mending) -> None:
    """Register the types."""
    target = {
        "create": lambda _, new, __: _registered({}, new),
        "update": lambda made, old, new, _: _registered(old, new, made),
        "delete": _deregister,
    }
    policy = {
        "create": lambda _, new, __: _put_policy({}, new),
        "update": lambda made, old, new, _: _put_policy(old, new, made),
        "delete": _delete_policy,
    }
    for kind, handler in (("ScalableTarget", target), ("ScalingPolicy", policy)):
        mending.lacking("_RESOURCE_HANDLERS", f"AWS::ApplicationAutoScaling::{kind}", handler)


def _registered(old: Properties, new: Properties, made: str = "") -> Created:
    identity = {it: new[it] for it in _IDENTITY}
    physical = "|".join(identity.values())
    actions = new.get("ScheduledActions") or []
    names = [it["ScheduledActionName"] for it in actions]
    twice = next((it for it in names if names.count(it) > 1), None)
    if twice:
        raise ValueError(f"ScheduledActions: {twice} is there twice. Duplicates aren't allowed.")
    if physical != made and targets.is_registered(targets.key_of(identity)):
        raise ValueError(f"{physical} already exists (HandlerErrorCode: AlreadyExists)")
    limits = {it: int(new[it]) for it in ("MinCapacity", "MaxCapacity")}
    targets.register({**identity, **limits})
    for name in targets.action_names(targets.key_of(identity)):
        if name not in names:
            targets.delete_action({**identity, "ScheduledActionName": name})
    try:
        for action in actions:
            targets.put_action({**identity, **_numbered(action)})
    except RefusedError:
        if not old:
            targets.deregister(identity)
        raise
    return physical, {"Id": physical}


def _numbered(action: Properties) -> Record:
    limits = action.get("ScalableTargetAction") or {}
    return {**action, "ScalableTargetAction": {it: int(value) for it, value in limits.items()}}


def _deregister(made: str, _: Properties) -> None:
    identity = dict(zip(_IDENTITY, made.split("|"), strict=True))
    if targets.is_registered(targets.key_of(identity)):
        targets.deregister(identity)


def _put_policy(old: Properties, new: Properties, made: str = "") -> Created:
    request = _request(new)
    is_other = bool(old) and (
        _identity(old) != _identity(new) or old["PolicyName"] != new["PolicyName"]
    )
    known = targets.policy_named(targets.key_of(request), request["PolicyName"])
    if known and (not made or is_other):
        raise ValueError(
            f"{request['PolicyName']} already exists (HandlerErrorCode: AlreadyExists)"
        )
    arn = targets.put_policy(request)["PolicyARN"]
    return arn, {"Arn": arn}


def _delete_policy(_: str, properties: Properties) -> None:
    request = _request(properties)
    if targets.policy_named(targets.key_of(request), request["PolicyName"]):
        targets.delete_policy(request)


def _identity(properties: Properties) -> dict[str, Any]:
    if "ScalingTargetId" in properties:
        return dict(zip(_IDENTITY, properties["ScalingTargetId"].split("|"), strict=True))
    return {it: properties[it] for it in _IDENTITY}


def _request(properties: Properties) -> Record:
    configuration = dict(properties.get("TargetTrackingScalingPolicyConfiguration") or {})
    for name in ("TargetValue", "ScaleOutCooldown", "ScaleInCooldown"):
        if name in configuration:
            number = float(configuration[name])
            configuration[name] = number if name == "TargetValue" else int(number)
    given: Record = {it: properties[it] for it in ("PolicyName", "PolicyType") if it in properties}
    return {
        **_identity(properties),
        **given,
        "TargetTrackingScalingPolicyConfiguration": configuration,
    }
