"""Task definitions that are INACTIVE are told only while something refers to them.

Wrong upstream: DescribeTaskDefinition tells a deregistered revision for ever.
Source: Amazon ECS API reference (botocore's service-2.json), DescribeTaskDefinition: "You can only
describe INACTIVE task definitions while an active task or service references them."
DeregisterTaskDefinition's page says that they stay discoverable "indefinitely": of two pages that
contradict each other, here the stricter one holds, and at once. The error as quoted in public
threads.
Last needed: ministack 1.5.33.
"""

from __future__ import annotations

from typing import Any

from ministack.core.responses import error_response_json
from ministack.services import ecs

from local_aws.mending import Layer, Mending


def install(mending: Mending) -> None:
    """Refuse to tell of what nothing refers to."""
    mending.around(ecs, "_ACTION_MAP", _describe, key="DescribeTaskDefinition", layer=Layer.STATE)


def _describe(upstream: Any, data: dict[str, Any]) -> Any:
    definition = ecs._task_defs.get(ecs._resolve_td_key(data.get("taskDefinition", ""))) or {}
    if definition.get("status") != "INACTIVE" or _is_referred_to(definition["taskDefinitionArn"]):
        return upstream(data)
    return error_response_json("ClientException", "Unable to describe task definition.", 400)


def _is_referred_to(arn: str) -> bool:
    services = [it for it in list(ecs._services.values()) if it.get("status") != "INACTIVE"]
    tasks = [it for it in list(ecs._tasks.values()) if it.get("lastStatus") != "STOPPED"]
    deployments = [one for it in services for one in it.get("deployments", [])]
    key = "taskDefinition"
    named = {
        *(it.get(key, "") for it in [*services, *deployments]),
        *(it.get("taskDefinitionArn", "") for it in tasks),
    }
    return arn in {_arn(it) for it in named if it}


def _arn(reference: str) -> str:
    found = ecs._task_defs.get(ecs._resolve_td_key(reference)) or {}
    return str(found.get("taskDefinitionArn", reference))
