"""Large integers where a template's property is a string.

Wrong upstream: they are taken as they stand. On AWS an unquoted 123456789012 arrives as
1.23456789012E11.
Source: cloudtools/troposphere issue 994; aws/serverless-application-model issue 200.
"""

from __future__ import annotations

from typing import Any

from ministack.core.responses import get_region
from ministack.services.cloudformation import stacks

from local_aws import schemas


def install() -> None:
    """Give handlers what AWS would give them."""
    provision, update = stacks._provision_resource, stacks._update_resource

    def create_resource(kind: str, logical_id: str, properties: Any, stack: str) -> Any:
        return provision(kind, logical_id, _read(kind, properties), stack)

    def update_resource(kind: str, made: str, old: Any, new: Any, *where: Any) -> Any:
        return update(kind, made, _read(kind, old), _read(kind, new), *where)

    stacks._provision_resource = create_resource
    stacks._update_resource = update_resource


def _read(kind: str, properties: Any) -> Any:
    return schemas.as_text(kind, properties, get_region())
