"""Early validation: what CloudFormation refuses before it touches anything, and how it says so.

Wrong upstream: templates are deployed whatever their properties are, and fail, if at all, half-way.
On AWS a change set fails and names no resource; DescribeEvents tells which, why and where. Here the
properties are held against the schemas (local_aws/schemas.py) and names against what there is.
CreateStack and UpdateStack do the same, and roll back at once. References to what isn't there are
refused by the API itself.
Source: CloudFormation user guide, "Validate stack deployments"; aws/aws-cdk-cli issues 970, 1000,
1463 and aws-cloudformation/rain 744 for the sentences and names.
Last needed: ministack 1.5.33.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ministack.core.responses import get_region, new_uuid
from ministack.services.cloudformation import (
    _stacks,
    changesets,
    handlers,
    helpers,
    stacks,
)

from local_aws import schemas
from local_aws.mending import Layer, Mending
from local_aws.mends.cloudformation import taken_names
from local_aws.mends.cloudformation.values import Place

Template = dict[str, Any]
# Logical id, type, name of the validation, path, reason: as upstream has them.
Finding = tuple[str, str, str, str, str]

_PROPERTY, _NAME = "PROPERTY_VALIDATION", "NAME_CONFLICT_VALIDATION"
_HOOKS = {
    _PROPERTY: "AWS::EarlyValidation::PropertyValidation",
    _NAME: "AWS::EarlyValidation::ResourceExistenceCheck",
}
_REASON = (
    "The following hook(s)/validation failed: [{}]. To troubleshoot Early Validation errors, "
    "use the DescribeEvents API for detailed failure information."
)


def install(mending: Mending) -> None:
    """Install the mends of this room."""
    mending.put(stacks, "_validation_errors", _findings)
    mending.around(
        handlers,
        "_ACTION_HANDLERS",
        _create_change_set,
        key="CreateChangeSet",
        layer=Layer.VALIDATION,
    )


def _create_change_set(upstream: Any, parameters: dict[str, Any]) -> Any:
    answer = upstream(parameters)
    stack = handlers._resolve_stack(helpers._p(parameters, "StackName"))
    name = helpers._p(parameters, "ChangeSetName")
    _, change_set = changesets._find_change_set(name, (stack or {}).get("StackName", ""))
    if change_set and change_set["Status"] != "FAILED" and "_validated" not in change_set:
        _validate(change_set)
    return answer


def _validate(change_set: dict[str, Any]) -> None:
    """Let a change set fail whose template does; one that passed is not looked at again."""
    change_set["_validated"] = True
    if change_set["_disable_validation"]:
        return
    change_set["_disable_validation"] = True
    template, parameters = change_set["_template"], change_set["_resolved_params"]
    place = change_set["StackName"], change_set["StackId"]
    resources = template.get("Resources", {})
    conditions = changesets._evaluate_conditions(template, parameters)
    mappings = template.get("Mappings", {})
    found = _findings(resources, list(resources), parameters, conditions, mappings, *place)
    if not found:
        return
    failed = sorted({_HOOKS[finding[2]] for finding in found})
    change_set.update(
        Status="FAILED",
        ExecutionStatus="UNAVAILABLE",
        StatusReason=_REASON.format(", ".join(failed)),
        _operation_events=_events(change_set["StackId"], found),
    )


def _events(stack_id: str, found: list[Finding]) -> list[dict[str, Any]]:
    operation = new_uuid()
    return [
        stacks._operation_event(
            stack_id,
            operation,
            "VALIDATION_ERROR",
            "CREATE_CHANGESET",
            LogicalResourceId=logical_id,
            ResourceType=kind,
            ValidationFailureMode="FAIL",
            ValidationName=validation,
            ValidationStatus="FAILED",
            ValidationStatusReason=reason,
            ValidationPath=path,
        )
        for logical_id, kind, validation, path, reason in found
    ]


def _findings(resources: dict[str, Any], names: list[str], *place: Any) -> list[Finding]:
    """Return what is wrong; upstream calls it for CreateStack and UpdateStack.

    Args:
        place: parameters, conditions, mappings, name and id of the stack; upstream adds the names
            of its buckets.
    """
    parameters, conditions, mappings, stack_name, stack_id = place[:5]
    deployed = _stacks.get(stack_name, {}).get("_resources", {})
    values = Place(
        parameters, conditions, mappings, (stack_name, stack_id), unknown=frozenset(resources)
    )
    found: list[Finding] = []
    for name in names:
        resource = resources[name]
        if conditions.get(resource.get("Condition"), True):
            properties = values.value(resource.get("Properties") or {})
            before = deployed.get(name, {}).get("Properties", {})
            found += _of_resource(name, resource.get("Type", ""), properties, before)
    return found


def _of_resource(
    name: str, kind: str, properties: dict[str, Any], before: dict[str, Any]
) -> Iterator[Finding]:
    for path, reason in schemas.errors(kind, properties, get_region()):
        where = f"/Resources/{name}/Properties/{path}".rstrip("/")
        yield name, kind, _PROPERTY, where, reason
    taken = taken_names.conflict(kind, properties, before)
    if taken:
        yield name, kind, _NAME, f"/Resources/{name}", taken
