"""The calls on service deployments and revisions.

Wrong upstream: ListServiceDeployments, DescribeServiceDeployments and DescribeServiceRevisions list
nothing, and there is no StopServiceDeployment.
Source: Amazon ECS API reference, ListServiceDeployments, DescribeServiceDeployments,
DescribeServiceRevisions, StopServiceDeployment.
Last needed: ministack 1.5.33.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from ministack.core.concurrency import resource_lock
from ministack.core.responses import error_response_json, json_response
from ministack.services import ecs

from local_aws.mending import Mending
from local_aws.mends.ecs import rollout
from local_aws.mends.ecs.deployments import (
    UNFINISHED,
    Record,
    Service,
    counts_of,
    follow,
    images_of,
    known,
    newest_first,
)

_PAGE = 20  # ListServiceDeployments: without maxResults, up to 20 results
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


def install(mending: Mending) -> None:
    """Tell of service deployments, and stop them."""
    for action, function in (
        ("ListServiceDeployments", _list_service_deployments),
        ("DescribeServiceDeployments", _describe_service_deployments),
        ("DescribeServiceRevisions", _describe_service_revisions),
        ("StopServiceDeployment", _stop_service_deployment),
    ):
        mending.put(ecs, "_ACTION_MAP", function, key=action)


def _list_service_deployments(data: dict[str, Any]) -> Any:
    cluster = ecs._resolve_cluster_name(data.get("cluster", "default"))
    if cluster is None or cluster not in ecs._clusters:
        return error_response_json("ClusterNotFoundException", "Cluster not found.", 400)
    name = str(data.get("service", "")).rsplit("/", 1)[-1]
    service = ecs._services.get(f"{cluster}/{name}")
    if service is None:
        return error_response_json("ServiceNotFoundException", "Service not found.", 400)
    found = [it for it in newest_first(service) if _is_wanted(it, data)]
    start, size = int(data.get("nextToken") or 0), int(data.get("maxResults") or _PAGE)
    answer: dict[str, Any] = {
        "serviceDeployments": [_brief(it) for it in found[start : start + size]]
    }
    if start + size < len(found):
        answer["nextToken"] = str(start + size)
    return json_response(answer)


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
    told = {name: record[name] for name in _BRIEF if name in record}
    return told | {"targetServiceRevisionArn": record["target"]}


def _describe_service_deployments(data: dict[str, Any]) -> Any:
    there = known()
    arns = data.get("serviceDeploymentArns") or []
    return json_response(
        {
            "serviceDeployments": [_detail(*there[arn]) for arn in arns if arn in there],
            "failures": [{"arn": arn, "reason": "MISSING"} for arn in arns if arn not in there],
        }
    )


def _detail(service: Service, record: Record) -> Record:
    optional = ("stoppedAt", "updatedAt", "rollback")
    configuration = record["configuration"]
    breaker = configuration.get("deploymentCircuitBreaker") or {}
    return {
        **{name: record[name] for name in (*_BRIEF, *optional) if name in record},
        "sourceServiceRevisions": [{"arn": it["arn"], **counts_of(it)} for it in record["source"]],
        "targetServiceRevision": {"arn": record["target"], **counts_of(record)},
        "deploymentConfiguration": configuration,
        "deploymentCircuitBreaker": {
            "status": _breaker_status(record, breaker),
            "failureCount": record["deployment"]["failedTasks"],
            "threshold": ecs._circuit_breaker_threshold(
                service | {"deploymentConfiguration": configuration}
            ),
        },
        "alarms": _alarms(record),
    }


def _alarms(record: Record) -> Record:
    watch: Record = record["alarms"]
    if watch["status"] == "MONITORING" and record["status"] not in UNFINISHED:
        return watch | {"status": "MONITORING_COMPLETE"}
    return watch


def _breaker_status(record: Record, breaker: dict[str, Any]) -> str:
    if not breaker.get("enable"):
        return "DISABLED"
    if "circuit breaker" in record.get("statusReason", ""):
        return "TRIGGERED"
    return "MONITORING" if record["status"] in UNFINISHED else "MONITORING_COMPLETE"


def _describe_service_revisions(data: dict[str, Any]) -> Any:
    there = {record["target"]: record for _, record in known().values()}
    arns = data.get("serviceRevisionArns") or []
    return json_response(
        {
            "serviceRevisions": [
                {
                    "serviceRevisionArn": arn,
                    "serviceArn": there[arn]["serviceArn"],
                    "clusterArn": there[arn]["clusterArn"],
                    **{name: it for name, it in there[arn]["revision"].items() if it},
                    "containerImages": images_of(there[arn]),
                }
                for arn in arns
                if arn in there
            ],
            "failures": [{"arn": arn, "reason": "MISSING"} for arn in arns if arn not in there],
        }
    )


def _stop_service_deployment(data: dict[str, Any]) -> Any:
    arn = data.get("serviceDeploymentArn", "")
    there = known()
    if arn not in there:
        return error_response_json(
            "ServiceDeploymentNotFoundException", "Service deployment not found.", 400
        )
    service, record = there[arn]
    if record["status"] not in ("PENDING", "IN_PROGRESS"):
        return error_response_json(
            "ConflictException",
            f"The service deployment can't be stopped: its status is {record['status']}.",
            400,
        )
    with resource_lock("ecs-service", rollout.key_of(service)):
        roll_back = data.get("stopType", "ROLLBACK") == "ROLLBACK"
        reason = "The deployment was stopped."
        rollout.fail(service, record["deployment"], reason, roll_back=roll_back)
    key = rollout.key_of(service)
    ecs._reconcile_service_tasks(key.split("/")[0], key)
    follow(service)
    return json_response({"serviceDeploymentArn": arn})
