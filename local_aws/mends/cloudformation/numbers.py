"""Large integers where a template's property is a string.

Wrong upstream: they are taken as they stand. On AWS an unquoted 123456789012 arrives as
1.23456789012E11.
Source: cloudtools/troposphere issue 994; aws/serverless-application-model issue 200.
Last needed: ministack 1.5.33.
"""

from __future__ import annotations

from typing import Any

from ministack.core.responses import get_region
from ministack.services.cloudformation import stacks

from local_aws import schemas
from local_aws.mending import Layer, Mending


def install(mending: Mending) -> None:
    """Give handlers what AWS would give them."""
    mending.around(stacks, "_provision_resource", _create_resource, layer=Layer.INPUT)
    mending.around(stacks, "_update_resource", _update_resource, layer=Layer.INPUT)


def _create_resource(upstream: Any, kind: str, logical_id: str, properties: Any, stack: str) -> Any:
    return upstream(kind, logical_id, _read(kind, properties), stack)


def _update_resource(upstream: Any, kind: str, made: str, old: Any, new: Any, *where: Any) -> Any:
    return upstream(kind, made, _read(kind, old), _read(kind, new), *where)


def _read(kind: str, properties: Any) -> Any:
    return schemas.as_text(kind, properties, get_region())
