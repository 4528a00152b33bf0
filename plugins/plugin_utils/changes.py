"""What a deployment changes: read from a change set, as a list for the task's result."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.quayside.fargate.custom_resources.contract.stacks import parameters
from ansible_collections.quayside.fargate.plugins.plugin_utils import secrecy, values
from ansible_collections.quayside.fargate.plugins.plugin_utils.change_details import (
    Detail,
    details,
    fate,
)
from ansible_collections.quayside.fargate.plugins.plugin_utils.parameters import is_secret

Change = dict[str, Any]


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
