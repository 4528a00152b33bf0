"""What Application Auto Scaling refuses, and which number of tasks follows from its limits.

Source: Application Auto Scaling API reference (botocore's model has the same words) and user guide,
"Target tracking scaling policies" and "Scheduled scaling". Messages that no page has are ours.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

Request = Mapping[str, Any]
DIMENSION = "ecs:service:DesiredCount"
PLAIN = ("ECSServiceAverageCPUUtilization", "ECSServiceAverageMemoryUtilization")
REQUESTS = "ALBRequestCountPerTarget"
_LARGEST = 2.0**360  # TargetTrackingScalingPolicyConfiguration.TargetValue
_RATE = re.compile(r"rate\(([1-9][0-9]*) (minute|hour|day)s?\)")
_AT = re.compile(r"at\([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\)")


def inside(count: int, least: int, most: int) -> int:
    """Return the number of tasks within two limits that is nearest to another."""
    return max(least, min(most, count))


def target_problem(request: Request, known: Request | None, service: object) -> str | None:
    """Return why RegisterScalableTarget is refused, or None.

    Args:
        request: of the call.
        known: the target as it is registered.
        service: of ECS; a false value if there is none.
    """
    limits = {it: request.get(it, (known or {}).get(it)) for it in ("MinCapacity", "MaxCapacity")}
    if request.get("ServiceNamespace") != "ecs" or request.get("ScalableDimension") != DIMENSION:
        return "Only ecs and its ecs:service:DesiredCount are known here."
    if not service:
        return f"ECS service doesn't exist: {request.get('ResourceId')}"
    missing = [name for name, value in limits.items() if value is None]
    if missing:
        return f"{missing[0]} is required when a new scalable target is registered."
    if min(limits.values()) < 0:
        return "Capacities can't be negative."
    if limits["MinCapacity"] > limits["MaxCapacity"]:
        return "Maximum capacity cannot be less than minimum capacity"
    return None


def policy_problem(
    request: Request, others: Sequence[Request], labels: Collection[str]
) -> str | None:
    """Return why PutScalingPolicy is refused, or None.

    Args:
        request: of the call.
        others: the target's other policies.
        labels: what ResourceLabel may be: the service's target groups behind their load balancers.
    """
    configuration = request.get("TargetTrackingScalingPolicyConfiguration") or {}
    metric = configuration.get("PredefinedMetricSpecification") or {}
    if request.get("PolicyType") != "TargetTrackingScaling":
        return "Only TargetTrackingScaling is known here."
    target = configuration.get("TargetValue")
    if target is None or not 0 < float(target) <= _LARGEST:
        return f"TargetValue {target} isn't valid for the metric."
    for name in ("ScaleOutCooldown", "ScaleInCooldown"):
        if int(configuration.get(name, 0)) < 0:
            return f"{name} can't be negative."
    problem = _metric_problem(metric, labels)
    if problem:
        return problem
    taken = [
        it["TargetTrackingScalingPolicyConfiguration"].get("PredefinedMetricSpecification")
        for it in others
    ]
    if metric in taken:
        return "Only one TargetTrackingScaling policy for a given metric specification is allowed."
    return None


def _metric_problem(metric: Request, labels: Collection[str]) -> str | None:
    kind, label = metric.get("PredefinedMetricType"), metric.get("ResourceLabel")
    if kind in PLAIN:
        return f"ResourceLabel can't be specified for {kind}." if label else None
    if kind != REQUESTS:
        return f"Predefined metric type {kind} is not supported for service namespace ecs"
    if label not in labels:
        return (
            f"ResourceLabel {label} is not a load balancer with a target group of the service: "
            f"{', '.join(labels) or 'it has none'}."
        )
    return None


def schedule_problem(request: Request, next_fire: Callable[[str], object]) -> str | None:
    """Return why PutScheduledAction is refused, or None.

    Args:
        request: of the call.
        next_fire: returns when a cron expression comes next, a false value for never.
    """
    text = str(request.get("Schedule") or "")
    if not (_RATE.fullmatch(text) or _AT.fullmatch(text) or next_fire(text)):
        return f"Schedule expression {text} is not valid."
    limits = request.get("ScalableTargetAction") or {}
    least, most = limits.get("MinCapacity"), limits.get("MaxCapacity")
    if least is None and most is None:
        return "ScalableTargetAction needs MinCapacity or MaxCapacity."
    if least is not None and most is not None and least > most:
        return "Maximum capacity cannot be less than minimum capacity"
    return None
