"""What a change set says of one resource: what changes in it, and what becomes of its data."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

# What becomes of a resource that is removed or replaced, and of the data in it.
KEPT, SNAPSHOT, DELETED = "Retain", "Snapshot", "Delete"
_RECREATIONS = ("Never", "Conditionally", "Always")


@dataclass(frozen=True)
class Detail:
    """What a change set changes at one place of a resource.

    path: such as ``Engine/Version`` below the properties, or an attribute's name (DeletionPolicy).
    before, after: as AWS says it, so perhaps a secret; None where there is none or AWS says none.
    recreation: whether that replaces the resource: Never, Conditionally or Always.
    cause: the parameter, resource or resource attribute that it comes from; "" for the template.
    certain: whether the value changes for certain; else only the deployment tells.
    """

    path: str
    before: str | None
    after: str | None
    recreation: str
    cause: str
    certain: bool


def details(resource: Mapping[str, Any]) -> list[Detail]:
    """Return what changes in a resource, one entry a place, in AWS's order.

    AWS names a place once for each thing that changes it: the one with the greatest effect counts.

    Args:
        resource: a ResourceChange of DescribeChangeSet, best with IncludePropertyValues.
    Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ResourceTargetDefinition.html
    """
    found: dict[str, list[Detail]] = {}
    for item in resource.get("Details", []):
        target = item["Target"]
        name = str(target.get("Name") or target.get("Attribute", "?"))
        detail = Detail(
            path=target.get("Path", "").strip("/").removeprefix("Properties/") or name,
            before=target.get("BeforeValue"),
            after=target.get("AfterValue"),
            recreation=target.get("RequiresRecreation", "Never"),
            cause=item.get("CausingEntity", ""),
            certain=item.get("Evaluation", "Static") == "Static",
        )
        found.setdefault(detail.path, []).append(detail)
    return [_greatest(same) for same in found.values()]


def _greatest(same: list[Detail]) -> Detail:
    effects = {name: number for number, name in enumerate(_RECREATIONS)}
    return max(same, key=lambda it: (it.certain, effects.get(it.recreation, 1), bool(it.cause)))


def fate(resource: Mapping[str, Any], template: Mapping[str, Any]) -> str:
    """Return what becomes of a resource and its data: KEPT, SNAPSHOT or DELETED; "" if it stays.

    Args:
        resource: a ResourceChange of DescribeChangeSet.
        template: the one that says it where the change set doesn't: of a removal the stack's own,
            of a replacement the new one.
    Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-attribute-deletionpolicy.html
    """
    removed = resource["Action"] == "Remove"
    if not removed and resource.get("Replacement", "False") == "False":
        return ""
    told = str(resource.get("PolicyAction", "")).removeprefix("ReplaceAnd")
    body = (template.get("Resources") or {}).get(resource["LogicalResourceId"]) or {}
    context = _context(resource.get("BeforeContext" if removed else "AfterContext"))
    body = {**body, **context, "Type": resource.get("ResourceType")}
    policy = told or body.get("DeletionPolicy" if removed else "UpdateReplacePolicy")
    policy = _own_policy(body) or policy
    if policy is None and removed and _has_snapshots(body):
        return SNAPSHOT
    if str(policy).startswith(KEPT):  # RetainExceptOnCreate too: it keeps what stood once
        return KEPT
    return SNAPSHOT if policy == SNAPSHOT else DELETED


def _own_policy(body: Mapping[str, Any]) -> str | None:
    """Return what a custom resource does with its data when it is deleted, if it says so."""
    policy = (body.get("Properties") or {}).get("DeletionPolicy")
    is_custom = str(body.get("Type")).startswith("Custom::")
    return policy if is_custom and isinstance(policy, str) else None


def _has_snapshots(body: Mapping[str, Any]) -> bool:
    """Whether a resource is deleted after a snapshot if its template says nothing."""
    single = "DBClusterIdentifier" not in (body.get("Properties") or {})
    kind = body.get("Type")
    return kind == "AWS::RDS::DBCluster" or (kind == "AWS::RDS::DBInstance" and single)


def _context(text: str | None) -> dict[str, Any]:
    try:
        told = json.loads(text or "{}")
    except ValueError:  # AWS cuts what is long
        return {}
    return told if isinstance(told, dict) else {}
