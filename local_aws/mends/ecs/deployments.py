"""Service deployments: what ECS remembers of a service's deployments, for 90 days on AWS.

Wrong upstream: ListServiceDeployments, DescribeServiceDeployments and DescribeServiceRevisions list
nothing, and there is no StopServiceDeployment.
Source: Amazon ECS API reference, ListServiceDeployments, ServiceDeployment, StopServiceDeployment;
developer guide, "View service history using Amazon ECS service deployments" (the statuses).
Not said there, and guessed: a deployment that the circuit breaker ends without a rollback, and one
that a newer one overtakes, are STOPPED.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from ministack.core.concurrency import resource_lock
from ministack.core.responses import error_response_json, json_response
from ministack.services import ecs

_PAGE = 20  # ListServiceDeployments: without maxResults, up to 20 results
_UNFINISHED = ("PENDING", "IN_PROGRESS", "ROLLBACK_IN_PROGRESS")
_BRIEF = (
    "serviceDeploymentArn",
    "serviceArn",
    "clusterArn",
    "createdAt",
    "startedAt",
    "finishedAt",
    "status",
    "statusReason",
)
_ACTIONS = ("_create_service", "_update_service", "_delete_service")
_EVENTS = ("_record_service_task_failure", "_complete_service_deployment", "_refresh_service_state")

Record = dict[str, Any]


def install() -> None:
    """Follow the services' deployments, and tell of them."""
    for name in (*_ACTIONS, *_EVENTS):
        setattr(ecs, name, _followed(getattr(ecs, name)))
    for name in ("CreateService", "UpdateService", "DeleteService"):
        ecs._ACTION_MAP[name] = _followed(ecs._ACTION_MAP[name])
    ecs._ACTION_MAP.update(
        ListServiceDeployments=_list_service_deployments,
        DescribeServiceDeployments=_describe_service_deployments,
        DescribeServiceRevisions=_describe_service_revisions,
        StopServiceDeployment=_stop_service_deployment,
    )
    ecs._ECS_TIMESTAMP_FIELDS.add("finishedAt")


def _followed(upstream: Callable[..., Any]) -> Callable[..., Any]:
    def followed(*arguments: Any, **options: Any) -> Any:
        try:
            return upstream(*arguments, **options)
        finally:
            for service in ecs._services.values():
                _follow(service)

    return followed


def _follow(service: dict[str, Any]) -> None:
    """Bring the records of a service's deployments up to its deployments."""
    with resource_lock("ecs-service", _key(service)):  # ministack's own, for transitions
        records: dict[str, Record] = service.setdefault("_serviceDeployments", {})
        deployments = {it["id"]: it for it in service["deployments"]}
        for identity, deployment in reversed(deployments.items()):
            if identity not in records:
                records[identity] = _new(service, deployment, len(records) + 1)
        for identity, record in records.items():
            if record["status"] in _UNFINISHED:
                _move(record, deployments.get(identity), service)


def _key(service: dict[str, Any]) -> str:
    return "/".join((service["clusterArn"].rsplit("/", 1)[-1], service["serviceName"]))


def _new(service: dict[str, Any], deployment: dict[str, Any], number: int) -> Record:
    identity = deployment["id"].rsplit("/", 1)[-1]
    source = [it["target"] for it in service["_serviceDeployments"].values()][-1:]
    return {
        "serviceDeploymentArn": f"{_arn(service, 'service-deployment')}/{identity}",
        "serviceArn": service["serviceArn"],
        "clusterArn": service["clusterArn"],
        "createdAt": deployment["createdAt"],
        "status": "PENDING",
        "source": source,
        "target": f"{_arn(service, 'service-revision')}/{number}",
        "deployment": deployment,
        "revision": {
            "taskDefinition": deployment["taskDefinition"],
            "createdAt": deployment["createdAt"],
            "launchType": service.get("launchType"),
            "platformVersion": service.get("platformVersion"),
            "networkConfiguration": service.get("networkConfiguration"),
            "loadBalancers": service.get("loadBalancers"),
        },
    }


def _arn(service: dict[str, Any], kind: str) -> str:
    return str(service["serviceArn"]).replace(":service/", f":{kind}/")


def _move(record: Record, deployment: dict[str, Any] | None, service: dict[str, Any]) -> None:
    primary = ecs._primary_deployment(service) or {}
    state = (deployment or {}).get("rolloutState")
    if record["status"] == "PENDING" and _has_started(record["deployment"]):
        _set(record, "IN_PROGRESS", startedAt=ecs._iso())
    if record["status"] == "ROLLBACK_IN_PROGRESS":
        if primary.get("rolloutState") == "COMPLETED":
            _set(record, "ROLLBACK_SUCCESSFUL", finishedAt=ecs._iso())
    elif state == "COMPLETED":
        record.setdefault("startedAt", ecs._iso())
        _set(record, "SUCCESSFUL", finishedAt=ecs._iso())
    elif state == "FAILED":
        _fail(record, deployment or {}, primary, service)
    elif deployment is not primary or service["status"] != "ACTIVE":
        _stop(record, "The service deployment was stopped by a newer one, or by its service's end.")


def _has_started(deployment: dict[str, Any]) -> bool:
    started = deployment["pendingCount"] + deployment["runningCount"] + deployment["failedTasks"]
    return bool(started) or not deployment["desiredCount"]


def _fail(
    record: Record, failed: dict[str, Any], primary: dict[str, Any], service: dict[str, Any]
) -> None:
    reason = failed["rolloutStateReason"]
    if primary is failed or not primary:
        _stop(record, reason)
        return
    back_to = service["_serviceDeployments"][primary["id"]]["target"]
    rollback = {"reason": reason, "startedAt": ecs._iso(), "serviceRevisionArn": back_to}
    _set(record, "ROLLBACK_IN_PROGRESS", statusReason=reason, rollback=rollback)


def _stop(record: Record, reason: str) -> None:
    now = ecs._iso()
    _set(record, "STOPPED", statusReason=reason, finishedAt=now, stoppedAt=now)


def _set(record: Record, status: str, **fields: Any) -> None:
    record.update(status=status, updatedAt=ecs._iso(), **fields)


def _list_service_deployments(data: dict[str, Any]) -> Any:
    cluster = ecs._resolve_cluster_name(data.get("cluster", "default"))
    if cluster is None or cluster not in ecs._clusters:
        return error_response_json("ClusterNotFoundException", "Cluster not found.", 400)
    name = str(data.get("service", "")).rsplit("/", 1)[-1]
    service = ecs._services.get(f"{cluster}/{name}")
    if service is None:
        return error_response_json("ServiceNotFoundException", "Service not found.", 400)
    found = [it for it in _newest_first(service) if _is_wanted(it, data)]
    start, size = int(data.get("nextToken") or 0), int(data.get("maxResults") or _PAGE)
    answer: dict[str, Any] = {
        "serviceDeployments": [_brief(it) for it in found[start : start + size]]
    }
    if start + size < len(found):
        answer["nextToken"] = str(start + size)
    return json_response(answer)


def _newest_first(service: dict[str, Any]) -> list[Record]:
    return list(reversed(list(service.get("_serviceDeployments", {}).values())))


def _is_wanted(record: Record, data: dict[str, Any]) -> bool:
    created = datetime.fromisoformat(record["createdAt"]).timestamp()
    window = data.get("createdAt") or {}
    after, before = _seconds(window.get("after"), 0), _seconds(window.get("before"), float("inf"))
    statuses = data.get("status") or [record["status"]]
    return record["status"] in statuses and after <= created <= before


def _seconds(moment: Any, default: float) -> float:
    if isinstance(moment, str):
        return datetime.fromisoformat(moment).astimezone(UTC).timestamp()
    return default if moment is None else float(moment)


def _brief(record: Record) -> Record:
    known = {name: record[name] for name in _BRIEF if name in record}
    return known | {"targetServiceRevisionArn": record["target"]}


def _describe_service_deployments(data: dict[str, Any]) -> Any:
    known = _known()
    arns = data.get("serviceDeploymentArns") or []
    return json_response(
        {
            "serviceDeployments": [_detail(*known[arn]) for arn in arns if arn in known],
            "failures": [{"arn": arn, "reason": "MISSING"} for arn in arns if arn not in known],
        }
    )


def _known() -> dict[str, tuple[dict[str, Any], Record]]:
    return {
        record["serviceDeploymentArn"]: (service, record)
        for service in ecs._services.values()
        for record in _newest_first(service)
    }


def _detail(service: dict[str, Any], record: Record) -> Record:
    optional = ("stoppedAt", "updatedAt", "rollback")
    configuration = service.get("deploymentConfiguration") or {}
    breaker = configuration.get("deploymentCircuitBreaker") or {}
    return {
        **{name: record[name] for name in (*_BRIEF, *optional) if name in record},
        "sourceServiceRevisions": [{"arn": arn} for arn in record["source"]],
        "targetServiceRevision": {
            "arn": record["target"],
            "requestedTaskCount": record["deployment"]["desiredCount"],
            "runningTaskCount": record["deployment"]["runningCount"],
            "pendingTaskCount": record["deployment"]["pendingCount"],
        },
        "deploymentConfiguration": configuration,
        "deploymentCircuitBreaker": {
            "status": _breaker_status(record, breaker),
            "failureCount": record["deployment"]["failedTasks"],
            "threshold": ecs._circuit_breaker_threshold(service),
        },
    }


def _breaker_status(record: Record, breaker: dict[str, Any]) -> str:
    if not breaker.get("enable"):
        return "DISABLED"
    if "circuit breaker" in record.get("statusReason", ""):
        return "TRIGGERED"
    return "MONITORING" if record["status"] in _UNFINISHED else "MONITORING_COMPLETE"


def _describe_service_revisions(data: dict[str, Any]) -> Any:
    known = {record["target"]: record for _, record in _known().values()}
    arns = data.get("serviceRevisionArns") or []
    return json_response(
        {
            "serviceRevisions": [
                {
                    "serviceRevisionArn": arn,
                    "serviceArn": known[arn]["serviceArn"],
                    "clusterArn": known[arn]["clusterArn"],
                    **{name: it for name, it in known[arn]["revision"].items() if it},
                }
                for arn in arns
                if arn in known
            ],
            "failures": [{"arn": arn, "reason": "MISSING"} for arn in arns if arn not in known],
        }
    )


def _stop_service_deployment(data: dict[str, Any]) -> Any:
    arn = data.get("serviceDeploymentArn", "")
    known = _known()
    if arn not in known:
        return error_response_json(
            "ServiceDeploymentNotFoundException", "Service deployment not found.", 400
        )
    service, record = known[arn]
    if record["status"] not in ("PENDING", "IN_PROGRESS"):
        return error_response_json(
            "ConflictException",
            f"The service deployment can't be stopped: its status is {record['status']}.",
            400,
        )
    with resource_lock("ecs-service", _key(service)):
        roll_back = data.get("stopType", "ROLLBACK") == "ROLLBACK"
        _halt(service, record["deployment"], roll_back=roll_back)
    ecs._reconcile_service_tasks(_key(service).split("/")[0], _key(service))
    _follow(service)
    return json_response({"serviceDeploymentArn": arn})


def _halt(service: dict[str, Any], stopped: dict[str, Any], *, roll_back: bool) -> None:
    """Do as the circuit breaker does, by request."""
    stopped.update(
        rolloutState="FAILED", rolloutStateReason="The deployment was stopped.", desiredCount=0
    )
    earlier = [it for it in service["deployments"] if it["rolloutState"] == "COMPLETED"]
    if roll_back and earlier:
        stopped["status"] = "ACTIVE"
        earlier[0].update(
            status="PRIMARY",
            desiredCount=service["desiredCount"],
            rolloutState="IN_PROGRESS",
            rolloutStateReason="ECS deployment rollback in progress.",
            updatedAt=ecs._iso(),
        )
        service["taskDefinition"] = earlier[0]["taskDefinition"]
