"""Service deployments: what ECS remembers of a service's deployments, for 90 days.

Wrong upstream: nothing is remembered. What is told of it is in deployment_calls.py.
Source: Amazon ECS API reference, ServiceDeployment; developer guide, "View service history using
Amazon ECS service deployments" (the statuses), "Complete Amazon ECS rolling deployments early"
("While the deployment is in progress, the task counts are live. After the deployment completes, the
task counts are a snapshot").
Not said there, and guessed: a deployment that the circuit breaker ends without a rollback, and one
that a newer one overtakes, are STOPPED.
Last needed: ministack 1.5.33.
"""

from __future__ import annotations

import copy
from datetime import UTC, datetime, timedelta
from typing import Any

from ministack.core.concurrency import resource_lock
from ministack.services import ecs

from local_aws.mending import Layer, Mending
from local_aws.mends.ecs import deployment_alarms, events
from local_aws.mends.ecs.rollout import TASKS_FAILED, key_of

_KEPT = timedelta(days=90)
_COUNTS = ("requestedTaskCount", "runningTaskCount", "pendingTaskCount")
UNFINISHED = ("PENDING", "IN_PROGRESS", "ROLLBACK_IN_PROGRESS")
_CHANGES = (
    *("_create_service", "_update_service", "_delete_service", "_refresh_service_state"),
    *("_record_service_task_failure", "_complete_service_deployment"),
)

Record = dict[str, Any]
Service = dict[str, Any]


def install(mending: Mending) -> None:
    """Follow the services' deployments."""
    for name in _CHANGES:
        mending.around(ecs, name, _followed, layer=Layer.HISTORY)
    fields = ecs._ECS_TIMESTAMP_FIELDS
    mending.put(ecs, "_ECS_TIMESTAMP_FIELDS", type(fields)({*fields, "finishedAt"}))


def _followed(upstream: Any, *arguments: Any, **options: Any) -> Any:
    try:
        return upstream(*arguments, **options)
    finally:
        for service in ecs._services.values():
            if _begins_with_alarms(service):
                deployment_alarms.measure()  # not in follow: no lock may be held meanwhile
            follow(service)


def _begins_with_alarms(service: Service) -> bool:
    records = service.get("_serviceDeployments") or {}
    watched = (service.get("deploymentConfiguration") or {}).get("alarms") or {}
    return bool(watched.get("enable")) and any(
        it["id"] not in records for it in service["deployments"]
    )


def known() -> dict[str, tuple[Service, Record]]:
    """Return each service deployment by its ARN, and its service."""
    return {
        record["serviceDeploymentArn"]: (service, record)
        for service in ecs._services.values()
        for record in newest_first(service)
    }


def newest_first(service: Service) -> list[Record]:
    """Return what is remembered of a service's deployments."""
    records = list(service.get("_serviceDeployments", {}).values())
    return [it for it in reversed(records) if is_remembered(it, datetime.now(UTC))]


def is_remembered(record: Record, now: datetime) -> bool:
    """Return whether a service deployment is still told of."""
    return now - datetime.fromisoformat(record["createdAt"]) < _KEPT


def follow(service: Service) -> None:
    """Bring the records of a service's deployments up to its deployments."""
    with resource_lock("ecs-service", key_of(service)):  # ministack's own, for transitions
        records: dict[str, Record] = service.setdefault("_serviceDeployments", {})
        deployments = {it["id"]: it for it in service["deployments"]}
        for identity, deployment in reversed(deployments.items()):
            if identity not in records:
                records[identity] = _new(service, deployment, len(records) + 1)
                reason = f"ECS deployment {identity} in progress."
                events.tell_deployment(service, identity, "IN_PROGRESS", reason)
        for identity, record in records.items():
            if record["status"] in UNFINISHED:
                _move(record, deployments.get(identity), service)


def _new(service: Service, deployment: dict[str, Any], number: int) -> Record:
    identity = deployment["id"].rsplit("/", 1)[-1]
    configuration = copy.deepcopy(service.get("deploymentConfiguration") or {})
    return {
        "serviceDeploymentArn": f"{_arn(service, 'service-deployment')}/{identity}",
        "serviceArn": service["serviceArn"],
        "clusterArn": service["clusterArn"],
        "createdAt": deployment["createdAt"],
        "status": "PENDING",
        "source": _sources(service, deployment),
        "target": f"{_arn(service, 'service-revision')}/{number}",
        "deployment": deployment,
        "configuration": configuration,
        "alarms": deployment_alarms.begin(configuration),
        "revision": {
            "taskDefinition": deployment["taskDefinition"],
            "createdAt": deployment["createdAt"],
            "capacityProviderStrategy": service.get("capacityProviderStrategy"),
            "launchType": service.get("launchType"),
            "platformVersion": service.get("platformVersion"),
            "platformFamily": service.get("platformFamily"),
            "serviceRegistries": service.get("serviceRegistries"),
            "networkConfiguration": service.get("networkConfiguration"),
            "loadBalancers": service.get("loadBalancers"),
        },
    }


def _sources(service: Service, deployment: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the deployments that a new one replaces: they have tasks, or shall have them."""
    records = service["_serviceDeployments"]
    others = [it for it in service["deployments"] if it is not deployment and it["id"] in records]
    living = [
        it
        for it in others
        if it["runningCount"] + it["pendingCount"] or it["rolloutState"] == "COMPLETED"
    ]
    return [{"arn": records[it["id"]]["target"], "deployment": it} for it in living]


def _arn(service: Service, kind: str) -> str:
    return str(service["serviceArn"]).replace(":service/", f":{kind}/")


def _move(record: Record, deployment: dict[str, Any] | None, service: Service) -> None:
    primary = ecs._primary_deployment(service) or {}
    state = (deployment or {}).get("rolloutState")
    if record["status"] == "PENDING" and _has_started(record["deployment"]):
        _set(record, "IN_PROGRESS", startedAt=ecs._iso())
    if record["status"] == "ROLLBACK_IN_PROGRESS":
        back = service["_serviceDeployments"].get(primary.get("id"), {}).get("target")
        if back != record["rollback"]["serviceRevisionArn"]:
            _stop(record, "The rollback was overtaken by a newer deployment.")
        elif primary.get("rolloutState") == "COMPLETED":
            _set(record, "ROLLBACK_SUCCESSFUL", finishedAt=ecs._iso())
    elif state == "COMPLETED":
        record.setdefault("startedAt", ecs._iso())
        _set(record, "SUCCESSFUL", finishedAt=ecs._iso())
        reason = f"ECS deployment {record['deployment']['id']} completed."
        events.tell_deployment(service, record["deployment"]["id"], "COMPLETED", reason)
    elif state == "FAILED":
        _fail(record, deployment or {}, primary, service)
    elif deployment is not primary or service["status"] != "ACTIVE":
        _stop(record, "The service deployment was stopped by a newer one, or by its service's end.")


def _has_started(deployment: dict[str, Any]) -> bool:
    started = deployment["pendingCount"] + deployment["runningCount"] + deployment["failedTasks"]
    return bool(started) or not deployment["desiredCount"]


def _fail(
    record: Record, failed: dict[str, Any], primary: dict[str, Any], service: Service
) -> None:
    _tell_failed(record, failed, service)
    if primary is failed or not primary:
        _end_without_rollback(record, failed)
        return
    for name in ("launchType", "capacityProviderStrategy"):
        service[name] = primary.get(name)
    back_to = service["_serviceDeployments"][primary["id"]]["target"]
    reason = f"Service deployment rolled back because {_cause(record, failed)}"
    rollback = {"reason": reason, "startedAt": ecs._iso(), "serviceRevisionArn": back_to}
    _set(record, "ROLLBACK_IN_PROGRESS", statusReason=reason, rollback=rollback)
    back = f"ECS deployment circuit breaker: rolling back to deploymentId {primary['id']}."
    events.tell_deployment(service, failed["id"], "IN_PROGRESS", back)


def _tell_failed(record: Record, failed: dict[str, Any], service: Service) -> None:
    breaker = record["configuration"].get("deploymentCircuitBreaker") or {}
    if breaker.get("enable"):
        reason = failed["rolloutStateReason"]
        told = TASKS_FAILED if "circuit breaker" in reason else reason
        events.tell_deployment(service, failed["id"], "FAILED", told)


def _end_without_rollback(record: Record, failed: dict[str, Any]) -> None:
    breaker = record["configuration"].get("deploymentCircuitBreaker") or {}
    if failed.get("_rolls_back", breaker.get("rollback")):
        reason = "No rollback candidate was found to run the rollback."
        _set(record, "ROLLBACK_FAILED", statusReason=reason, finishedAt=ecs._iso())
    else:
        _stop(record, f"Service deployment stopped because {_cause(record, failed)}")


def _cause(record: Record, failed: dict[str, Any]) -> str:
    ringing = record["alarms"]["triggeredAlarmNames"]
    if ringing:
        return f"the CloudWatch alarm(s) {', '.join(ringing)} went into the ALARM state."
    if "circuit breaker" in failed["rolloutStateReason"]:
        return "the circuit breaker threshold was exceeded."
    return "it was stopped by a request."


def _stop(record: Record, reason: str) -> None:
    now = ecs._iso()
    _set(record, "STOPPED", statusReason=reason, finishedAt=now, stoppedAt=now)


def _set(record: Record, status: str, **fields: Any) -> None:
    if "finishedAt" in fields:
        record["counts"] = counts_of(record["deployment"])
        record["source"] = [{"arn": it["arn"]} | counts_of(it) for it in record["source"]]
    record.update(status=status, updatedAt=ecs._iso(), **fields)


def counts_of(deployed: dict[str, Any]) -> dict[str, int]:
    """Return the tasks of a deployment, or of a source or target, as ServiceRevisionSummary."""
    frozen = deployed.get("counts") or {it: deployed[it] for it in _COUNTS if it in deployed}
    if frozen:
        return dict(frozen)
    deployment = deployed.get("deployment") or deployed
    return {
        "requestedTaskCount": deployment["desiredCount"],
        "runningTaskCount": deployment["runningCount"],
        "pendingTaskCount": deployment["pendingCount"],
    }


def images_of(record: Record) -> list[dict[str, str]]:
    """Return what a revision's containers run: the digests that its first task found out."""
    definition = ecs._task_defs.get(ecs._resolve_td_key(record["revision"]["taskDefinition"])) or {}
    found = record["deployment"].get("_image_digests") or {}
    told = []
    for container in definition.get("containerDefinitions") or []:
        name, image = container["name"], container["image"]
        digest = found.get(name) or image.partition("@")[2]
        told.append(
            {"containerName": name, "image": image} | ({"imageDigest": digest} if digest else {})
        )
    return told
