"""Records of one name.

Wrong upstream: a template's weighted record may stand beside a simple one of its name and type, or
take its place in an update.
Source: Route 53 developer guide, "Values specific for weighted records"; the sentence as
kubernetes-sigs/external-dns#4345 has it; that an UPSERT of a weighted one is a CREATE beside the
simple one, and refused as that, #1411. What is changed by hand before is found by an UPSERT.
Last needed: ministack 1.5.33.
"""

from __future__ import annotations

from typing import Any

from ministack.services import route53
from ministack.services.cloudformation import provisioners

from local_aws.mending import Layer, Mending


def install(mending: Mending) -> None:
    """Install the mend of this room."""
    kind = "AWS::Route53::RecordSet"
    mending.handler(kind, "create", _create_record, Layer.VALIDATION)
    mending.handler(kind, "update", _update_record, Layer.VALIDATION)


def _create_record(upstream: Any, logical_id: str, properties: dict[str, Any], stack: str) -> Any:
    _refuse_another_kind(properties)
    return upstream(logical_id, properties, stack)


def _update_record(
    upstream: Any, physical_id: str, old: dict[str, Any], properties: dict[str, Any], stack: str
) -> Any:
    _refuse_another_kind(properties)
    wanted = route53._rs_key(provisioners._r53_record_set_build_rs(properties))
    there = route53._records.get(provisioners._r53_resolve_hosted_zone_id(properties), [])
    if wanted in map(route53._rs_key, there):
        old = properties
    return upstream(physical_id, old, properties, stack)


def _refuse_another_kind(properties: dict[str, Any]) -> None:
    wanted = provisioners._r53_record_set_build_rs(properties)
    zone = provisioners._r53_resolve_hosted_zone_id(properties)
    for record in route53._records.get(zone, []):
        same = (record["Name"], record["Type"]) == (wanted["Name"], wanted["Type"])
        if same and ("SetIdentifier" in record) != ("SetIdentifier" in wanted):
            other = "weighted" if "SetIdentifier" in record else "non-weighted"
            raise ValueError(
                f"[RRSet with DNS name {wanted['Name']} and type {wanted['Type']} cannot be "
                f"created as a {other} set exists with the same name and type]"
            )
