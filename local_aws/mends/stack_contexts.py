"""Property values in change sets: DescribeChangeSet with IncludePropertyValues.

Wrong upstream: there are none. Parameters with NoEcho are shown as stars, what only deployment
tells as AWS's own placeholder.
Source: CloudFormation API reference, ResourceChange (BeforeContext, AfterContext) and
ResourceTargetDefinition (Path, BeforeValue, AfterValue, AttributeChangeType); botocore's model.
"""

from __future__ import annotations

import json
from typing import Any
from xml.etree import ElementTree

from ministack.services.cloudformation import changesets, handlers, helpers

from local_aws.mends.stack_values import Place
from local_aws.schemas import UNKNOWN

_LATER = "{{changeSet:KNOWN_AFTER_APPLY}}"
_STARS = "****"
Properties = dict[str, Any]


def install() -> None:
    """Keep the values with the change set, and describe them when they are asked for."""
    create = handlers._ACTION_HANDLERS["CreateChangeSet"]
    describe = handlers._ACTION_HANDLERS["DescribeChangeSet"]

    def create_change_set(parameters: dict[str, Any]) -> Any:
        answer = create(parameters)
        stack = handlers._resolve_stack(helpers._p(parameters, "StackName"))
        name = helpers._p(parameters, "ChangeSetName")
        _, change_set = changesets._find_change_set(name, (stack or {}).get("StackName", ""))
        if stack and change_set and "_contexts" not in change_set:
            change_set["_contexts"] = _contexts(change_set, stack)
        return answer

    def describe_change_set(parameters: dict[str, Any]) -> Any:
        status, headers, body = describe(parameters)
        name, stack_name = (helpers._p(parameters, key) for key in ("ChangeSetName", "StackName"))
        stack = handlers._resolve_stack(stack_name) if stack_name else None
        _, change_set = changesets._find_change_set(name, (stack or {}).get("StackName", ""))
        wanted = helpers._p(parameters, "IncludePropertyValues").lower() == "true"
        if wanted and change_set and "_contexts" in change_set:
            body = _with_values(body, change_set["_contexts"])
        return status, headers, body

    handlers._ACTION_HANDLERS["CreateChangeSet"] = create_change_set
    handlers._ACTION_HANDLERS["DescribeChangeSet"] = describe_change_set


def _contexts(change_set: dict[str, Any], stack: dict[str, Any]) -> dict[str, Any]:
    """Return the properties of each changed resource before and after, None where there is none."""
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
            None if each["Action"] == "Add" else _properties(before, old, each),
            None if each["Action"] == "Remove" else _properties(after, new, each),
        )
        for each in changes
    }


def _masked(parameters: dict[str, Any]) -> dict[str, Any]:
    return {
        name: each | {"Value": _STARS} if str(each.get("NoEcho")).lower() == "true" else each
        for name, each in parameters.items()
    }


def _properties(place: Place, template: dict[str, Any], change: dict[str, Any]) -> Properties:
    resource = template["Resources"][change["LogicalResourceId"]]
    properties: Properties = _told(place.value(resource.get("Properties") or {}))
    return properties


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
        before, after = contexts.get(name, (None, None))
        for tag, properties in (("BeforeContext", before), ("AfterContext", after)):
            if properties is not None:
                text = json.dumps({"Properties": properties}, default=str)
                ElementTree.SubElement(change, f"{space}{tag}").text = text
        for target in change.iter(f"{space}Target"):
            _tell_target(target, space, before or {}, after or {})
    told: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return told


def _tell_target(
    target: ElementTree.Element, space: str, before: Properties, after: Properties
) -> None:
    name = target.findtext(f"{space}Name")
    if target.findtext(f"{space}Attribute") != "Properties" or not name:
        return
    kind = "Add" if name not in before else "Remove" if name not in after else "Modify"
    told = {"Path": f"/Properties/{name}", "AttributeChangeType": kind}
    told |= {"BeforeValue": _text(before[name])} if name in before else {}
    told |= {"AfterValue": _text(after[name])} if name in after else {}
    for tag, text in told.items():
        ElementTree.SubElement(target, f"{space}{tag}").text = text


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, default=str)
