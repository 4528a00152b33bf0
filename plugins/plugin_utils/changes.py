"""What a deployment changes: as a short list for the result, and as a diff for people."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.quayside.fargate.plugins.plugin_utils import values
from ansible_collections.quayside.fargate.plugins.plugin_utils.parameters import is_secret

_SIGNS = {"Add": "+", "Remove": "-", "Import": ">"}
_REPLACEMENTS = {"True": ", replaced", "Conditional": ", may be replaced"}
# https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ResourceChange.html
_POLICIES = {
    "Delete": ", deleted",
    "Retain": ", kept in AWS",
    "Snapshot": ", deleted after a snapshot",
    "ReplaceAndDelete": ", the old one deleted",
    "ReplaceAndRetain": ", the old one kept in AWS",
    "ReplaceAndSnapshot": ", the old one deleted after a snapshot",
}

# What becomes of a resource that is removed or replaced, and of the data in it.
KEPT, SNAPSHOT, DELETED = "Retain", "Snapshot", "Delete"
_RECREATIONS = ("Never", "Conditionally", "Always")

Change = dict[str, Any]


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
    if policy is None and removed and _has_snapshots(body):
        return SNAPSHOT
    if str(policy).startswith(KEPT):  # RetainExceptOnCreate too: it keeps what stood once
        return KEPT
    return SNAPSHOT if policy == SNAPSHOT else DELETED


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


def from_change_set(
    described: Iterable[Mapping[str, Any]], template: Mapping[str, Any]
) -> list[Change]:
    """Return one entry for each changed resource of DescribeChangeSet's `Changes`."""
    resources = (item["ResourceChange"] for item in described if "ResourceChange" in item)
    return [_change(resource, template) for resource in resources]


def additions(template: Mapping[str, Any]) -> list[Change]:
    """Return the changes of a creation that CloudFormation can't be asked for yet."""
    types = {name: body.get("Type", "") for name, body in template["Resources"].items()}
    return [
        _change({"Action": "Add", "LogicalResourceId": name, "ResourceType": kind}, template)
        for name, kind in types.items()
    ]


def removals(resources: Iterable[Mapping[str, Any]]) -> list[Change]:
    """Return the changes of a deletion, from ListStackResources."""
    return [_change({**resource, "Action": "Remove"}, {"Resources": {}}) for resource in resources]


def inputs(
    description: Mapping[str, Any] | None,
    request: Mapping[str, Any],
    declared: Mapping[str, Mapping[str, Any]],
) -> list[str]:
    """Return a line for each parameter and tag that a deployment sets anew; never a NoEcho value.

    Args:
        description: the stack as it is (DescribeStacks), None if there is none.
        request: the arguments of CreateChangeSet.
        declared: the template's parameters.
    """
    known = description or {}
    old = {
        item["ParameterKey"]: item.get("ParameterValue", "") for item in known.get("Parameters", [])
    }
    new = {
        item["ParameterKey"]: item["ParameterValue"]
        for item in request["Parameters"]
        if "ParameterValue" in item and not is_secret(declared[item["ParameterKey"]])
    }
    old_tags = {item["Key"]: item["Value"] for item in known.get("Tags", [])}
    if "Tags" not in request:
        return _lines("parameter", old, new)
    tags = dict.fromkeys(old_tags) | {item["Key"]: item["Value"] for item in request["Tags"]}
    return _lines("parameter", old, new) + _lines("tag", old_tags, tags)


def diff(stack: str, changes: Iterable[Change], notes: Iterable[str] = ()) -> list[dict[str, str]]:
    """Return changes as Ansible prints them under --diff."""
    lines = [f"stack {stack}", *(f"  {note}" for note in notes)]
    for change in changes:
        sign = _SIGNS.get(change["action"], "~")
        replacement = _REPLACEMENTS.get(change["replacement"], "")
        policy = _POLICIES.get(change["policy_action"], "")
        lines.append(f"{sign} {change['resource']} ({change['type']}{replacement}{policy})")
        lines += [f"    {line}" for line in _property_lines(change)]
    return [{"prepared": "\n".join(lines) + "\n"}]


def _property_lines(change: Change) -> list[str]:
    """Return a line for each value that is known, and one for each other property."""
    told = [f"{it['path']}: {it['before']} -> {it['after']}" for it in change["values"]]
    known = {it["path"].split("/")[0] for it in change["values"]}
    return sorted([*told, *(name for name in change["properties"] if name not in known)])


def _change(resource: Mapping[str, Any], template: Mapping[str, Any]) -> Change:
    name = resource["LogicalResourceId"]
    properties = {_target(detail) for detail in resource.get("Details", [])}
    if resource["Action"] == "Add":
        properties = set(template["Resources"].get(name, {}).get("Properties", {}))
    return {
        "action": resource["Action"],
        "resource": name,
        "type": str(resource["ResourceType"]),
        "replacement": resource.get("Replacement", "False"),
        "policy_action": resource.get("PolicyAction", ""),
        "properties": sorted(str(item) for item in properties),
        "values": values.of_change(resource),
    }


def _target(detail: Mapping[str, Any]) -> str:
    # The name of a property, or an attribute of the resource such as Tags or DeletionPolicy.
    target = detail["Target"]
    return str(target.get("Name") or target.get("Attribute", "?"))


def _lines(kind: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    return [
        f"{kind} {name}: {_shown(name, old.get(name))} -> {_shown(name, value)}"
        for name, value in sorted(new.items())
        if old.get(name) != value
    ]


def _shown(name: str, value: Any) -> str:
    return "(none)" if value is None else values.of_input(name, value)
