"""What is current of a service: its last service deployment, its revisions, and their images.

Wrong upstream: DescribeServices names neither, and DescribeServiceRevisions no image.
Source: Amazon ECS API reference, Service (currentServiceDeployment, currentServiceRevisions),
ServiceCurrentRevisionSummary, ContainerImage. Not said there, and guessed: the current service
deployment is the newest one, also once it ended or was rolled back.
Last needed: ministack 1.5.33.
"""

from __future__ import annotations

import json
from typing import Any

from ministack.core.responses import json_response
from ministack.services import ecs

from local_aws.mending import Layer, Mending
from local_aws.mends.ecs.deployments import Service, known, newest_first


def install(mending: Mending) -> None:
    """Tell it with the calls on services and revisions."""
    mending.around(
        ecs, "_ACTION_MAP", _describe_services, key="DescribeServices", layer=Layer.ANSWER
    )
    mending.around(
        ecs, "_ACTION_MAP", _describe_revisions, key="DescribeServiceRevisions", layer=Layer.ANSWER
    )


def _describe_services(upstream: Any, data: dict[str, Any]) -> Any:
    status, headers, body = upstream(data)
    answer = json.loads(body)
    for entry in answer.get("services", []):
        entry.update(_current(entry))
    return (status, headers, body) if "services" not in answer else json_response(answer)


def _current(entry: dict[str, Any]) -> dict[str, Any]:
    key = "/".join((entry["clusterArn"].rsplit("/", 1)[-1], entry["serviceName"]))
    service: Service = ecs._services.get(key) or {}
    newest = newest_first(service)
    if not newest:
        return {}
    records = service["_serviceDeployments"]
    return {
        "currentServiceDeployment": newest[0]["serviceDeploymentArn"],
        "currentServiceRevisions": [
            {
                "arn": records[it["id"]]["target"],
                "requestedTaskCount": it["desiredCount"],
                "runningTaskCount": it["runningCount"],
                "pendingTaskCount": it["pendingCount"],
            }
            for it in entry["deployments"]
            if it["id"] in records
        ],
    }


def _describe_revisions(upstream: Any, data: dict[str, Any]) -> Any:
    status, headers, body = upstream(data)
    answer = json.loads(body)
    if "serviceRevisions" not in answer:
        return status, headers, body
    deployed = {record["target"]: record["deployment"]["id"] for _, record in known().values()}
    for revision in answer["serviceRevisions"]:
        identity = deployed.get(revision["serviceRevisionArn"], "")
        revision["containerImages"] = _images(revision["taskDefinition"], identity)
    return json_response(answer)


def _images(task_definition: str, deployment: str) -> list[dict[str, str]]:
    definition = ecs._task_defs.get(ecs._resolve_td_key(task_definition)) or {}
    digests = {
        container["name"]: container["imageDigest"]
        for task in list(ecs._tasks.values())
        if task.get("_deployment_id") == deployment
        for container in task.get("containers", [])
        if container.get("imageDigest")
    }
    told = []
    for container in definition.get("containerDefinitions", []):
        image, name = container["image"], container["name"]
        digest = image.partition("@")[2] or digests.get(name, "")
        told.append(
            {"containerName": name, "image": image} | ({"imageDigest": digest} if digest else {})
        )
    return told
