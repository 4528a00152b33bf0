"""What a deployment doesn't take away unasked: a change set is judged before it is executed.

A resource is removed, or replaced by another, or stays and loses what it holds. Whether it is
replaced is judged by the property that causes it: CloudFormation calls much replaced that stays,
since a value is only known after the deployment, or since it doesn't tell conditions.

https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ResourceChange.html
https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ResourceTargetDefinition.html
https://github.com/aws-cloudformation/cloudformation-coverage-roadmap/issues/2113
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.quayside.fargate.plugins.plugin_utils import change_details
from ansible_collections.quayside.fargate.plugins.plugin_utils.change_details import Detail
from ansible_collections.quayside.fargate.plugins.plugin_utils.guards import GUARDS, Guard
from ansible_collections.quayside.fargate.plugins.plugin_utils.leaf import LATER
from ansible_collections.quayside.fargate.plugins.plugin_utils.parameters import MASK

# With the quotes of a list or a number that only the deployment tells.
_LATER_PART = re.compile(f'"?{re.escape(LATER)}"?')
_REFERENCE = re.compile(r"\$\{([A-Za-z0-9]+)[.}]")
# Their attributes may become others while they stay the same resource.
_OPAQUE = ("Custom::", "AWS::CloudFormation::CustomResource", "AWS::CloudFormation::Stack")
_FATES = {
    ("Remove", change_details.DELETED): ("removed", ""),
    ("Remove", change_details.SNAPSHOT): ("removed after a snapshot", ""),
    ("Remove", change_details.KEPT): ("taken out of the stack and kept in AWS", ""),
    ("Modify", change_details.DELETED): ("replaced", ", and the old one deleted"),
    ("Modify", change_details.SNAPSHOT): ("replaced", ", and the old one deleted after a snapshot"),
    ("Modify", change_details.KEPT): ("replaced", ", and the old one kept in AWS"),
}


ResourceChange = Mapping[str, Any]
Document = Mapping[str, Any]


@dataclass(frozen=True)
class Loss:
    """A resource that a deployment would take away.

    name: its logical id.
    text: what would happen, and why it matters.
    """

    name: str
    text: str


def losses(
    changed: Iterable[ResourceChange], document: Document, outputs: Iterable[str]
) -> list[Loss]:
    """Return what a change set would take away of what GUARDS names, in its order.

    Args:
        changed: DescribeChangeSet's `ResourceChange`s, with the properties' values.
        document: the template to be deployed.
        outputs: the values of the stack's outputs as it is.
    """
    listed, told = list(changed), " ".join(outputs)
    causes = _causes(listed, document)
    return [
        _loss(change, GUARDS[change["ResourceType"]], causes[change["LogicalResourceId"]], document)
        for change in listed
        if change["LogicalResourceId"] in causes and _is_guarded(change, told)
    ]


def _is_guarded(change: ResourceChange, told: str) -> bool:
    guard = GUARDS.get(change["ResourceType"])
    if guard is None or not guard.if_told:
        return guard is not None
    return change.get("PhysicalResourceId", LATER) in told


def _loss(change: ResourceChange, guard: Guard, cause: str, document: Document) -> Loss:
    name, by = change["LogicalResourceId"], f" for another {cause}" if cause else ""
    fate = (change["Action"], change_details.fate(change, document))
    done, old = ("made anew", "") if cause in guard.lost_by else _FATES.get(fate, ("replaced", ""))
    return Loss(name, f"{name} ({change['ResourceType']}) would be {done}{by}{old}: {guard.why}")


def _causes(listed: list[ResourceChange], document: Document) -> dict[str, str]:
    """Return each resource that goes, with the property that causes it ("" where none does)."""
    modified = [it for it in listed if it["Action"] == "Modify"]
    causes = {it["LogicalResourceId"]: "" for it in listed if it["Action"] == "Remove"}
    others = {it["LogicalResourceId"] for it in listed if it["Action"] == "Add"}
    others |= {it["LogicalResourceId"] for it in modified if it["ResourceType"].startswith(_OPAQUE)}
    while True:  # what goes may take with it what refers to it
        found = {
            change["LogicalResourceId"]: cause
            for change in modified
            if change["LogicalResourceId"] not in causes
            and (cause := _cause(change, document, others | causes.keys())) is not None
        }
        if not found:
            return causes
        causes |= found


def _cause(change: ResourceChange, document: Document, others: Collection[str]) -> str | None:
    """Return the property by which a modified resource goes, None if it stays."""
    details, kind = change_details.details(change), change["ResourceType"]
    if not details and change.get("Replacement") == "True":
        return ""
    resource = document["Resources"].get(change["LogicalResourceId"]) or {}
    for detail in details:
        name = detail.path.split("/")[0]
        value = (resource.get("Properties") or {}).get(name)
        if _matters(detail, name, kind) and _differs(detail, value, document, others):
            return str(name)
    return None


def _matters(detail: Detail, name: str, kind: str) -> bool:
    """Say whether another value of a property takes the resource away."""
    guard = GUARDS.get(kind, Guard(""))
    if name in guard.lost_by:
        return True
    if kind.startswith(_OPAQUE):  # its function says, not CloudFormation
        return False
    conditional = detail.recreation == "Conditionally" and name not in guard.in_place
    return detail.recreation == "Always" or conditional


def _differs(detail: Detail, value: Any, document: Document, others: Collection[str]) -> bool:
    """Say whether a property gets another value: if that isn't known, whether what it comes from
    becomes another resource.

    Args:
        detail: what the change set says of it.
        value: the property in the template.
        document: the template.
        others: resources that are others afterwards.
    """
    before, after = detail.before, detail.after or ""
    # Two values may be masked alike (NoEcho).
    told = (before, detail.after) != (None, None) and not (before == after and MASK in after)
    if told and LATER not in after:
        return bool(before != detail.after)
    if told and before is not None and not _may_become(before, after):
        return True
    cause = detail.cause.split(".")[0]
    if not told and detail.certain and cause not in document["Resources"]:
        return True  # a parameter's value, or the template's own
    return not {cause, *_references(value)}.isdisjoint(others)


def _may_become(before: str, after: str) -> bool:
    """Say whether a value of which parts are only told by the deployment may be the one before."""
    known = (re.escape(part) for part in _LATER_PART.split(after))
    return re.fullmatch(".*".join(known), before, re.DOTALL) is not None


def _references(value: Any) -> Iterator[str]:
    """Yield the names that a property's functions refer to: resources, and parameters too."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            if key == "Ref":
                yield str(item)
            elif key == "Fn::GetAtt":
                yield str(item[0] if isinstance(item, list) else item).partition(".")[0]
            elif key == "Fn::Sub":
                yield from _REFERENCE.findall(str(item if isinstance(item, str) else item[0]))
            if not isinstance(item, str):
                yield from _references(item)
    elif isinstance(value, list):
        for item in value:
            yield from _references(item)
