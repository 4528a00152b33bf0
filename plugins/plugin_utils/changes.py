"""What a deployment changes: read from a change set, as a list for the task's result."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.quayside.fargate.custom_resources.contract.stacks import parameters
from ansible_collections.quayside.fargate.plugins.plugin_utils import secrecy, values
from ansible_collections.quayside.fargate.plugins.plugin_utils.parameters import is_secret

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


@dataclass(frozen=True)
class Templates:
    """The templates of a change: the one that the stack has, and the one that it is to have.

    old: empty if the stack isn't there, or the values don't show.
    """

    new: Mapping[str, Any]
    old: Mapping[str, Any] = field(default_factory=dict)

    def readers(self, resource: str, *, verbose: bool) -> tuple[values.Reader, values.Reader]:
        """Return what reads the values of a resource before and after."""
        before, after = (secrecy.Guard(it, resource) for it in (self.old, self.new))
        return values.Reader(before, verbose), values.Reader(after, verbose)


def from_change_set(
    described: Iterable[Mapping[str, Any]],
    templates: Templates,
    *,
    told: bool = True,
    verbose: bool = False,
) -> list[Change]:
    """Return one entry for each changed resource of DescribeChangeSet's `Changes`.

    Args:
        described: them.
        templates: before and after.
        told: whether values are told, with what is masked in them.
        verbose: whether values of environment variables and of new resources are told too.
    """
    resources = (item["ResourceChange"] for item in described if "ResourceChange" in item)
    made = [_change(resource, templates, verbose=verbose) for resource in resources]
    return made if told else [{**change, "values": []} for change in made]


def additions(template: Mapping[str, Any]) -> list[Change]:
    """Return the changes of a creation that CloudFormation can't be asked for yet."""
    types = {name: body.get("Type", "") for name, body in template["Resources"].items()}
    return [
        _change(
            {"Action": "Add", "LogicalResourceId": name, "ResourceType": kind}, Templates(template)
        )
        for name, kind in types.items()
    ]


def removals(
    resources: Iterable[Mapping[str, Any]],
    template: Mapping[str, Any],
    description: Mapping[str, Any],
) -> list[Change]:
    """Return the changes of a deletion.

    Args:
        resources: of the stack (ListStackResources).
        template: the stack's.
        description: the stack (DescribeStacks).
    """
    known = Templates(template, _with_own_policies(template, parameters(description)))
    return [
        _change({**resource, "Action": "Remove"}, known)
        for resource in resources
        if not resource.get("ResourceStatus", "").startswith("DELETE_COMPLETE")
    ]


def _with_own_policies(template: Mapping[str, Any], given: Mapping[str, str]) -> Change:
    """Return the template with what custom resources do with their data, where a parameter says."""
    resources = {}
    for name, body in template["Resources"].items():
        properties = body.get("Properties") or {}
        policy = properties.get("DeletionPolicy")
        parameter = str(policy.get("Ref")) if isinstance(policy, dict) else ""
        told = {"DeletionPolicy": given[parameter]} if parameter in given else {}
        resources[name] = {**body, "Properties": {**properties, **told}}
    return {**template, "Resources": resources}


def literals(description: Mapping[str, Any] | None, template: Mapping[str, Any]) -> list[str]:
    """Return a line for each output that becomes another text, such as the template's version.

    Nothing else tells of them in a change set: what changes outputs alone has no changes in it.

    Args:
        description: the stack as it is (DescribeStacks), None if there is none.
        template: the one to be deployed.
    """
    known = (description or {}).get("Outputs", [])
    old = {item["OutputKey"]: item["OutputValue"] for item in known}
    told = {name: body.get("Value") for name, body in (template.get("Outputs") or {}).items()}
    new = {name: value for name, value in told.items() if isinstance(value, str)}
    return _lines("output", old, new)


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
    old = parameters(known)
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


def _change(resource: Mapping[str, Any], templates: Templates, *, verbose: bool = False) -> Change:
    name, added = resource["LogicalResourceId"], resource["Action"] == "Add"
    found = details(resource)
    properties = {detail.path.split("/")[0] for detail in found}
    before, after = templates.readers(name, verbose=verbose)
    if added:
        properties = set(templates.new["Resources"].get(name, {}).get("Properties", {}))
    told = values.of_change(resource, before, after)
    return {
        "action": resource["Action"],
        "resource": name,
        "type": str(resource["ResourceType"]),
        "replacement": resource.get("Replacement", "False"),
        "policy_action": resource.get("PolicyAction", ""),
        "data": fate(resource, templates.old if resource["Action"] == "Remove" else templates.new),
        "properties": sorted(properties),
        "follows": _causes(found, templates.new["Resources"]),
        "values": values.of_addition(resource, after) if added and verbose else told,
    }


def _causes(found: Iterable[Detail], resources: Mapping[str, Any]) -> list[str]:
    """Return the resources that all of the details come from, none if one has another reason."""
    causes = {detail.cause.split(".")[0] for detail in found}
    return sorted(causes) if causes <= resources.keys() else []


def _lines(kind: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    return [
        f"{kind} {name}: {_shown(name, old.get(name))} -> {_shown(name, value)}"
        for name, value in sorted(new.items())
        if old.get(name) != value
    ]


def _shown(name: str, value: Any) -> str:
    return "(none)" if value is None else values.of_input(name, value)
