"""CPU and memory that Fargate has.

Wrong upstream: a task of any size is registered.
Source: Amazon ECS developer guide, "Task CPU and memory" of "Amazon ECS task definition parameters
for Fargate"; the error as quoted in public threads.
Last needed: ministack 1.5.33.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ministack.core.responses import error_response_json
from ministack.services import ecs

from local_aws.mending import Layer, Mending

# CPU units -> MiB
_SIZES: dict[int, Any] = {
    256: (512, 1024, 2048),
    512: range(1024, 4096 + 1, 1024),
    1024: range(2048, 8192 + 1, 1024),
    2048: range(4096, 16384 + 1, 1024),
    4096: range(8192, 30720 + 1, 1024),
    8192: range(16384, 61440 + 1, 4096),
    16384: range(32768, 122880 + 1, 8192),
}


def install(mending: Mending) -> None:
    """Refuse what Fargate hasn't."""
    mending.around(
        ecs, "_register_task_definition", _register_task_definition, layer=Layer.VALIDATION
    )
    kind = "AWS::ECS::TaskDefinition"
    mending.handler(kind, "create", _create_definition, Layer.VALIDATION)
    mending.handler(kind, "update", _update_definition, Layer.VALIDATION)


def _register_task_definition(upstream: Any, data: dict[str, Any]) -> Any:
    refused = refusal(data.get("requiresCompatibilities"), data.get("cpu"), data.get("memory"))
    return error_response_json("ClientException", refused, 400) if refused else upstream(data)


def _create_definition(
    upstream: Any, logical_id: str, properties: dict[str, Any], *rest: Any
) -> Any:
    _check(properties)
    return upstream(logical_id, properties, *rest)


def _update_definition(upstream: Any, made: str, old: Any, new: dict[str, Any], *rest: Any) -> Any:
    _check(new)
    return upstream(made, old, new, *rest)


def _check(properties: Mapping[str, Any]) -> None:
    compatibilities = properties.get("RequiresCompatibilities")
    refused = refusal(compatibilities, properties.get("Cpu"), properties.get("Memory"))
    if refused:
        raise ValueError(
            f"{refused} (Service: AmazonECS; Status Code: 400; Error Code: ClientException)"
        )


def refusal(compatibilities: Any, cpu: Any, memory: Any) -> str | None:
    """Return why Fargate has no tasks of that size, or None.

    Args:
        compatibilities: of the task definition; only one with FARGATE is looked at.
        cpu: in units or in vCPU, as 256 or ".25 vCPU".
        memory: in MiB or in GB, as 512 or "0.5 GB".
    """
    if "FARGATE" not in (compatibilities or []):
        return None
    if cpu is None or memory is None:
        return f"Fargate requires task definition to have {'cpu' if cpu is None else 'memory'} set."
    if _units(memory) in _SIZES.get(_units(cpu), ()):
        return None
    return (
        "No Fargate configuration exists for given values: "
        f"{_units(cpu)} CPU, {_units(memory)} memory. See the Amazon ECS documentation for the "
        "valid values."
    )


def _units(value: Any) -> int:
    found = re.fullmatch(r"\s*([\d.]+)\s*(vcpu|gb)?\s*", str(value), re.IGNORECASE)
    if found is None:
        return 0
    return round(float(found[1]) * (1024 if found[2] else 1))
