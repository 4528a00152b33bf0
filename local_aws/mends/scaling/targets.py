"""Scalable targets of ECS services, their policies and schedules: Application Auto Scaling's API.

Wrong upstream: there is no such service. Here its calls are answered and refused as on AWS, and the
number of tasks is brought within limits at once; but nothing measures: no policy makes an alarm,
and none changes the number of tasks. `LocalAws.scale` does in its place.
Source: Application Auto Scaling API reference, RegisterScalableTarget ("it changes the resource's
current capacity to a value that is inside of this range", of an existing target "even if you don't
include the MinCapacity or MaxCapacity request parameters"), DeregisterScalableTarget ("deletes the
scaling policies and the scheduled actions").
Last needed: ministack 1.5.33.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from ministack import app
from ministack.core import iam_actions, router
from ministack.core.concurrency import run_reentrant
from ministack.core.responses import (
    error_response_json,
    get_account_id,
    get_region,
    json_response,
    new_uuid,
)
from ministack.services import alb, ecs, eventbridge, iam

from local_aws.controls import control
from local_aws.mending import Mending
from local_aws.mends.scaling import decisions

_SERVICE = "application-autoscaling"
_TARGET = "AnyScaleFrontendService."
_LINKED = "ecs.application-autoscaling.amazonaws.com"
_LINKED_NAME = "AWSServiceRoleForApplicationAutoScaling_ECSService"

Record = dict[str, Any]
Key = tuple[str, str]  # resource id and scalable dimension

_targets: dict[Key, Record] = {}
_policies: dict[tuple[Key, str], Record] = {}
_actions: dict[tuple[Key, str], Record] = {}


class RefusedError(ValueError):
    """A call is refused with an error of the API's."""

    def __init__(self, code: str, message: str) -> None:
        """Know the error's code and its words."""
        super().__init__(message)
        self.code = code


def install(mending: Mending) -> None:
    """Serve it, behind the same policies as every other service."""
    pattern = {
        "target_prefixes": [_TARGET],
        "host_patterns": [r"application-autoscaling\."],
        "credential_scope": _SERVICE,
    }
    mending.put(router, "SERVICE_PATTERNS", pattern, key=_SERVICE)
    mending.put(iam_actions, "SERVICE_TO_IAM_NAMESPACE", _SERVICE, key=_SERVICE)
    mending.put(app, "SERVICE_HANDLERS", _handle, key=_SERVICE)


async def _handle(_method: str, _path: str, headers: Any, body: bytes, _query: Any) -> Any:
    action = headers.get("x-amz-target", "").removeprefix(_TARGET)
    call = CALLS.get(action)
    if call is None:
        return error_response_json("UnknownOperationException", f"{action} isn't served here.", 400)
    return await run_reentrant(_answered, call, json.loads(body or b"{}"), thread_name="scaling")


def _answered(call: Callable[[Record], Record], request: Record) -> Any:
    try:
        return json_response(call(request))
    except RefusedError as error:
        return error_response_json(error.code, str(error), 400, message_key="Message")


def register(request: Record) -> Record:
    """Do RegisterScalableTarget; raises RefusedError."""
    key, known = key_of(request), _targets.get(key_of(request))
    service = _service(key)
    problem = decisions.target_problem(request, known, service)
    if problem:
        raise RefusedError("ValidationException", problem)
    if _LINKED_NAME not in iam._roles:
        iam._create_service_linked_role({"AWSServiceName": _LINKED})
    fresh = {
        "ServiceNamespace": "ecs",
        "ResourceId": key[0],
        "ScalableDimension": key[1],
        "RoleARN": iam._roles[_LINKED_NAME]["Arn"],
        "CreationTime": time.time(),
        "ScalableTargetARN": f"arn:aws:{_SERVICE}:{get_region()}:{get_account_id()}:"
        f"scalable-target/0ec5{new_uuid()[:20].replace('-', '')}",
        "_tags": {},
    }
    given: Record = {it: int(request[it]) for it in ("MinCapacity", "MaxCapacity") if it in request}
    tags = {} if known else {"_tags": dict(request.get("Tags") or {})}
    _targets[key] = {**fresh, **(known or {}), **given, **tags}
    _bring_inside(key)
    return {"ScalableTargetARN": _targets[key]["ScalableTargetARN"]}


def deregister(request: Record) -> Record:
    """Do DeregisterScalableTarget; the number of tasks stays. Raises RefusedError."""
    key = _registered(request)
    del _targets[key]
    for kept in (_policies, _actions):
        for name in [it for it in kept if it[0] == key]:
            del kept[name]
    return {}


def put_policy(request: Record) -> Record:
    """Do PutScalingPolicy; raises RefusedError."""
    key = _registered(request)
    name = request["PolicyName"]
    others = [it for (of, called), it in _policies.items() if of == key and called != name]
    problem = decisions.policy_problem(request, others, _labels(key))
    if problem:
        raise RefusedError("ValidationException", problem)
    arn = (
        f"arn:aws:autoscaling:{get_region()}:{get_account_id()}:scalingPolicy:{new_uuid()}:"
        f"resource/ecs/{key[0]}:policyName/{name}"
    )
    made = {"PolicyARN": arn, "CreationTime": time.time(), "Alarms": []}
    known = {it: value for it, value in _policies.get((key, name), made).items() if it in made}
    _policies[(key, name)] = {**known, **request}
    return {"PolicyARN": known["PolicyARN"], "Alarms": []}


def delete_policy(request: Record) -> Record:
    """Do DeleteScalingPolicy; raises RefusedError."""
    return _deleted(_policies, request, request["PolicyName"], "scaling policy")


def put_action(request: Record) -> Record:
    """Do PutScheduledAction; raises RefusedError."""
    key = _registered(request)
    zone = request.get("Timezone")
    if zone is not None and zone not in available_timezones():
        raise RefusedError("ValidationException", f"Timezone {zone} is not valid.")
    problem = decisions.schedule_problem(request, _next_fire)
    if problem:
        raise RefusedError("ValidationException", problem)
    name = request["ScheduledActionName"]
    arn = (
        f"arn:aws:autoscaling:{get_region()}:{get_account_id()}:scheduledAction:{new_uuid()}:"
        f"resource/ecs/{key[0]}:scheduledActionName/{name}"
    )
    _actions[(key, name)] = {"ScheduledActionARN": arn, "CreationTime": time.time(), **request}
    return {}


def delete_action(request: Record) -> Record:
    """Do DeleteScheduledAction; raises RefusedError."""
    return _deleted(_actions, request, request["ScheduledActionName"], "scheduled action")


def key_of(request: Record) -> Key:
    """Return what a target is known by."""
    return str(request.get("ResourceId")), str(request.get("ScalableDimension"))


def is_registered(key: Key) -> bool:
    """Say whether there is a target."""
    return key in _targets


def action_names(key: Key) -> list[str]:
    """Return the names of a target's scheduled actions."""
    return [name for of, name in _actions if of == key]


def policy_named(key: Key, name: str) -> Record | None:
    """Return a target's policy of a name."""
    return _policies.get((key, name))


@control("scale")
def scale(cluster: str, service: str, count: int) -> int:
    """Set a service's number of tasks as a policy does, within its limits; return it."""
    key = (f"service/{cluster}/{service}", decisions.DIMENSION)
    if key not in _targets:
        raise LookupError(f"{key[0]} is no scalable target")
    _bring_inside(key, count)
    return int((_service(key) or {})["desiredCount"])


@control("scale_as_scheduled")
def scale_as_scheduled(moment: str) -> list[str]:
    """Do the scheduled actions of the minute of `moment` (ISO 8601, UTC).

    Returns:
        their names, each with its service's: SERVICE/NAME.
    """
    minute = datetime.fromisoformat(moment).replace(second=0, microsecond=0)
    done = []
    for (key, name), action in list(_actions.items()):
        if _is_due(action, minute):
            limits = action["ScalableTargetAction"]
            _targets[key] |= {it: int(value) for it, value in limits.items()}
            _bring_inside(key)
            done.append(f"{key[0].rpartition('/')[2]}/{name}")
    return done


def _is_due(action: Record, minute: datetime) -> bool:
    there = minute.astimezone(ZoneInfo(action.get("Timezone") or "UTC"))
    wall = there.replace(tzinfo=UTC)  # the clock's time there, which is what a schedule says
    if action["Schedule"].startswith("at("):
        return bool(action["Schedule"] == f"at({wall:%Y-%m-%dT%H:%M}:00)")
    fields = eventbridge._parse_cron_fields(action["Schedule"])
    before = wall.fromtimestamp(wall.timestamp() - 60, UTC)
    return bool(fields and eventbridge._cron_next_fire(fields, before) == wall)


def _next_fire(text: str) -> object:
    fields = eventbridge._parse_cron_fields(text)
    return fields and eventbridge._cron_next_fire(fields, datetime.now(UTC))


def _service(key: Key) -> Record | None:
    _, _, name = key[0].partition("/")
    service: Record | None = ecs._services.get(name)
    return service if service and service["status"] == "ACTIVE" else None


def _bring_inside(key: Key, count: int | None = None) -> None:
    """Bring a service's number of tasks, or another number, within its limits."""
    service, target = _service(key), _targets[key]
    if service is None:
        return
    wanted = service["desiredCount"] if count is None else count
    wanted = decisions.inside(int(wanted), target["MinCapacity"], target["MaxCapacity"])
    if wanted != service["desiredCount"]:
        _, cluster, name = key[0].split("/")
        ecs._update_service({"cluster": cluster, "service": name, "desiredCount": wanted})


def _labels(key: Key) -> list[str]:
    """Return the service's target groups with their load balancers, as metrics name them."""
    groups = [it.get("targetGroupArn") for it in (_service(key) or {}).get("loadBalancers") or []]
    return [
        f"{listener['LoadBalancerArn'].partition('loadbalancer/')[2]}/"
        f"{alb._target_group_full_name_from_arn(group)}"
        for group in filter(None, groups)
        for listener, actions in _forwarding()
        if group in actions
    ]


def _forwarding() -> Iterator[tuple[Record, str]]:
    """Yield each listener with the actions of one of its rules, its own among them."""
    for listener in list(alb._listeners.values()):
        yield listener, str(listener.get("DefaultActions"))
    for rule in list(alb._rules.values()):
        listener = alb._listeners.get(rule["ListenerArn"])
        if listener:
            yield listener, str(rule.get("Actions"))


def _registered(request: Record) -> Key:
    key = key_of(request)
    if key not in _targets:
        raise RefusedError(
            "ObjectNotFoundException",
            "No scalable target found for service namespace: "
            f"{request.get('ServiceNamespace')}, resource ID: {key[0]}, scalable dimension: "
            f"{key[1]}",
        )
    return key


def _deleted(kept: dict[tuple[Key, str], Record], request: Record, name: str, what: str) -> Record:
    key = key_of(request)
    if kept.pop((key, name), None) is None:
        raise RefusedError(
            "ObjectNotFoundException", f"No {what} {name} found for resource ID: {key[0]}"
        )
    return {}


def _described(kept: dict[Any, Record], member: str, names: str) -> Callable[[Record], Record]:
    """Return the call that describes records: of a resource, or of names."""

    def describe(request: Record) -> Record:
        wanted, of = request.get(names), request.get("ResourceId")
        one = names.removesuffix("s")
        found = [
            {name: value for name, value in it.items() if not name.startswith("_")}
            for it in kept.values()
            if of in (None, it["ResourceId"]) and (not wanted or it[one] in wanted)
        ]
        return {member: found}

    return describe


def _of_arn(request: Record) -> Record:
    for target in _targets.values():
        if target["ScalableTargetARN"] == request["ResourceARN"]:
            return target
    raise RefusedError(
        "ResourceNotFoundException", f"There is no resource {request['ResourceARN']}."
    )


def _list_tags(request: Record) -> Record:
    return {"Tags": _of_arn(request)["_tags"]}


def _tag(request: Record) -> Record:
    _of_arn(request)["_tags"].update(request["Tags"])
    return {}


def _untag(request: Record) -> Record:
    tags = _of_arn(request)["_tags"]
    for name in request["TagKeys"]:
        tags.pop(name, None)
    return {}


CALLS: dict[str, Callable[[Record], Record]] = {
    "RegisterScalableTarget": register,
    "DeregisterScalableTarget": deregister,
    "DescribeScalableTargets": _described(_targets, "ScalableTargets", "ResourceIds"),
    "PutScalingPolicy": put_policy,
    "DeleteScalingPolicy": delete_policy,
    "DescribeScalingPolicies": _described(_policies, "ScalingPolicies", "PolicyNames"),
    "PutScheduledAction": put_action,
    "DeleteScheduledAction": delete_action,
    "DescribeScheduledActions": _described(_actions, "ScheduledActions", "ScheduledActionNames"),
    "ListTagsForResource": _list_tags,
    "TagResource": _tag,
    "UntagResource": _untag,
}
