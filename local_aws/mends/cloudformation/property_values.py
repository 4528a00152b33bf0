"""Property values in change sets: DescribeChangeSet with IncludePropertyValues.

Wrong upstream: there are none. Parameters with NoEcho are shown as stars, what only deployment
tells as AWS's own placeholder. A place is named down to the single value, once for the template's
change and once for each thing that the value refers to and that changes; what is added or removed
as a whole is JSON.
Source: CloudFormation API reference, ResourceChange (BeforeContext, AfterContext) and
ResourceTargetDefinition (Path, BeforeValue, AfterValue, AttributeChangeType); botocore's model; the
answers in CloudFormation's user guide, "View a change set" and "Example change sets". Not known is
how long a value must be for AWS to give a hash of it ("(Truncated-Signature):..."): here none is.
Last needed: ministack 1.5.33.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree

from ministack.services.cloudformation import changesets, handlers, helpers, stacks

from local_aws.mending import Layer, Mending
from local_aws.mends.cloudformation.values import Place
from local_aws.schemas import UNKNOWN

_LATER = "{{changeSet:KNOWN_AFTER_APPLY}}"
_STARS = "****"
_ATTRIBUTES = (
    "Metadata",
    "CreationPolicy",
    "UpdatePolicy",
    "DeletionPolicy",
    "UpdateReplacePolicy",
)
_NONE: Any = object()
Properties = dict[str, Any]
Difference = tuple[tuple[str, ...], Any, Any]  # a place, and its value before and after


def install(mending: Mending) -> None:
    """Keep the values with the change set, and describe them when they are asked for."""
    mending.around(
        handlers, "_ACTION_HANDLERS", _create_change_set, key="CreateChangeSet", layer=Layer.HISTORY
    )
    mending.around(handlers, "_ACTION_HANDLERS", _describe_change_set, key="DescribeChangeSet")


def _create_change_set(upstream: Any, parameters: dict[str, Any]) -> Any:
    answer = upstream(parameters)
    stack = handlers._resolve_stack(helpers._p(parameters, "StackName"))
    name = helpers._p(parameters, "ChangeSetName")
    _, change_set = changesets._find_change_set(name, (stack or {}).get("StackName", ""))
    if stack and change_set and "_contexts" not in change_set:
        change_set["_contexts"] = _contexts(change_set, stack)
    return answer


def _describe_change_set(upstream: Any, parameters: dict[str, Any]) -> Any:
    status, headers, body = upstream(parameters)
    name, stack_name = (helpers._p(parameters, key) for key in ("ChangeSetName", "StackName"))
    stack = handlers._resolve_stack(stack_name) if stack_name else None
    _, change_set = changesets._find_change_set(name, (stack or {}).get("StackName", ""))
    wanted = helpers._p(parameters, "IncludePropertyValues").lower() == "true"
    if wanted and change_set and "_contexts" in change_set:
        body = _with_values(body, change_set["_contexts"])
    return status, headers, body


def _contexts(change_set: dict[str, Any], stack: dict[str, Any]) -> dict[str, Any]:
    """Return each changed resource before and after, None where there is none, and its template."""
    changes = [change["ResourceChange"] for change in change_set["Changes"]]
    deployed = stack["_resources"]
    template = change_set["_template"]
    anew = {each["LogicalResourceId"] for each in changes if each.get("Replacement") == "True"}
    unknown = frozenset({*template["Resources"]} - {*deployed} | anew)
    known = {"deployed": deployed, "keep_dynamic": True}
    old, new = stack["_template"], template
    before = Place.of(old, _masked(stack["_resolved_params"]), stack, **known)
    after = Place.of(new, _masked(change_set["_resolved_params"]), stack, unknown=unknown, **known)
    return {
        each["LogicalResourceId"]: (
            None if each["Action"] == "Add" else _context(before, old, each),
            None if each["Action"] == "Remove" else _context(after, new, each),
            new["Resources"].get(each["LogicalResourceId"], {}).get("Properties") or {},
        )
        for each in changes
    }


def _masked(parameters: dict[str, Any]) -> dict[str, Any]:
    return {
        name: each | {"Value": _STARS} if str(each.get("NoEcho")).lower() == "true" else each
        for name, each in parameters.items()
    }


def _context(place: Place, template: dict[str, Any], change: dict[str, Any]) -> Properties:
    resource = template["Resources"][change["LogicalResourceId"]]
    attributes = {name: resource[name] for name in _ATTRIBUTES if name in resource}
    return {"Properties": _told(place.value(resource.get("Properties") or {})), **attributes}


def _told(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _told(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_told(each) for each in value]
    return _LATER if value is UNKNOWN else value


def _with_values(body: bytes | str, contexts: dict[str, Any]) -> bytes:
    root = ElementTree.fromstring(body)  # noqa: S314 - our own
    space = root.tag.partition("}")[0] + "}" if root.tag.startswith("{") else ""
    ElementTree.register_namespace("", space.strip("{}"))
    for change in root.iter(f"{space}ResourceChange"):
        name = str(change.findtext(f"{space}LogicalResourceId"))
        before, after, template = contexts.get(name, (None, None, {}))
        for tag, context in (("BeforeContext", before), ("AfterContext", after)):
            if context is not None:
                text = json.dumps(context, default=str, separators=(",", ":"))
                ElementTree.SubElement(change, f"{space}{tag}").text = text
        values = [(context or {}).get("Properties", {}) for context in (before, after)]
        _tell_details(change, space, values, template)
    told: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return told


def _tell_details(
    change: ElementTree.Element, space: str, values: list[Properties], template: Properties
) -> None:
    """Name the single values of each property that changes."""
    details = change.find(f"{space}Details")
    if details is None:
        return
    by_name: dict[str, list[ElementTree.Element]] = {}
    for member in details:
        name = member.findtext(f"{space}Target/{space}Name")
        if name and member.findtext(f"{space}Target/{space}Attribute") == "Properties":
            by_name.setdefault(name, []).append(member)
    for name, same in by_name.items():
        whole = (name,), *(properties.get(name, _NONE) for properties in values)
        places = list(_differences(*whole)) or [whole]
        causes = {str(member.findtext(f"{space}CausingEntity")) for member in same}
        named = [_references(template, place[0]) & causes for place in places]
        for member in same:
            cause = member.findtext(f"{space}CausingEntity")
            found = list(zip(places, named, strict=True))
            if cause:
                found = [it for it in found if cause in it[1]] or [(whole, {cause})]
            for place, names in found:
                details.append(_detail(member, space, place, refers=bool(names)))
            details.remove(member)


def _detail(
    member: ElementTree.Element, space: str, place: Difference, *, refers: bool
) -> ElementTree.Element:
    """Return what upstream says of a property, for one place in it."""
    told = copy.deepcopy(member)
    evaluation = told.find(f"{space}Evaluation")
    if evaluation is not None and not refers:
        evaluation.text = "Static"
    target = told.find(f"{space}Target")
    path, before, after = place
    kind = "Add" if before is _NONE else "Remove" if after is _NONE else "Modify"
    values = {"Path": "/Properties/" + "/".join(path), "AttributeChangeType": kind}
    values |= {"BeforeValue": _text(before)} if before is not _NONE else {}
    values |= {"AfterValue": _text(after)} if after is not _NONE else {}
    for tag, text in values.items():
        ElementTree.SubElement(told if target is None else target, f"{space}{tag}").text = text
    return told


def _differences(path: tuple[str, ...], before: Any, after: Any) -> Iterator[Difference]:
    """Yield each place that differs, with both values; _NONE where there is none."""
    if isinstance(before, dict) and isinstance(after, dict):
        for key in sorted({*before, *after}):
            yield from _differences((*path, key), before.get(key, _NONE), after.get(key, _NONE))
    elif isinstance(before, list) and isinstance(after, list):
        for number in range(max(len(before), len(after))):
            old, new = (it[number] if number < len(it) else _NONE for it in (before, after))
            yield from _differences((*path, str(number)), old, new)
    elif before is _NONE or after is _NONE or before != after:
        yield path, before, after


def _references(template: Any, path: tuple[str, ...]) -> set[str]:
    """Return what the template refers to at a place, or where a function gives what lies there."""
    for step in path:
        if isinstance(template, dict) and step in template:
            template = template[step]
        elif isinstance(template, list) and step.isdecimal() and int(step) < len(template):
            template = template[int(step)]
        else:
            break
    found = stacks._intrinsic_references(template)
    return {name if attribute is None else f"{name}.{attribute}" for name, attribute in found}


def _text(value: Any) -> str:
    return (
        value if isinstance(value, str) else json.dumps(value, default=str, separators=(",", ":"))
    )
