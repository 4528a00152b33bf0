"""Change sets: the stack they are about, what they list, and whether they can be executed.

Wrong upstream: a second change set that is to create a stack makes another empty stack under the
same name, and forgets the first, so that whoever executes the first finds none; on AWS both belong
to the one in REVIEW_IN_PROGRESS. A change set knows no conditions: it lists resources that never
come, and none when a condition flips. One that changes outputs alone, or creates a stack without a
resource, "didn't contain changes", while AWS makes it executable, with an empty list.
Source: CloudFormation API reference, CreateChangeSet (ChangeSetType: CREATE); answers recorded on
AWS in LocalStack's public tests (change sets); aws/aws-cdk pull request 2029; CloudFormation user
guide, "Conditions section syntax reference".
Last needed: ministack 1.5.33.
"""

from __future__ import annotations

from typing import Any

from ministack.core.responses import get_region
from ministack.services.cloudformation import (
    _change_sets,
    _stack_events,
    _stacks,
    changesets,
    handlers,
    helpers,
    stacks,
)

from local_aws import schemas
from local_aws.mending import Layer, Mending

_NOTHING = "The submitted information didn't contain changes."
Template = dict[str, Any]


def install(mending: Mending) -> None:
    """Install the mends of this room."""
    mending.around(handlers, "_ACTION_HANDLERS", _create_change_set, key="CreateChangeSet")
    mending.around(changesets, "_resolve_props_for_diff", _active)
    mending.around(
        handlers, "_ACTION_HANDLERS", _executable, key="CreateChangeSet", layer=Layer.ANSWER
    )
    mending.around(stacks, "_property_recreation", _recreation)


def _create_change_set(upstream: Any, parameters: dict[str, Any]) -> Any:
    name = helpers._p(parameters, "StackName")
    shell = _stacks.get(name)
    if not shell or shell["StackStatus"] != "REVIEW_IN_PROGRESS":
        return upstream(parameters)
    status, headers, body = upstream(parameters)
    second, _stacks[name] = _stacks.get(name), shell
    if not second:  # refused
        return status, headers, body
    _stack_events.pop(second["StackId"], None)
    for change_set in _change_sets.values():
        if change_set["StackId"] == second["StackId"]:
            change_set["StackId"] = shell["StackId"]
    text = body.decode() if isinstance(body, bytes) else body
    return status, headers, text.replace(second["StackId"], shell["StackId"])


def _active(upstream: Any, template: Template, parameters: Any, *stack: str) -> Template:
    resolved: Template = upstream(template, parameters, *stack)
    conditions = changesets._evaluate_conditions(template, parameters) if template else {}
    kept = {
        name: resource
        for name, resource in resolved.get("Resources", {}).items()
        if conditions.get(resource.get("Condition"), True)
    }
    return resolved | {"Resources": kept} if resolved else resolved


def _executable(upstream: Any, parameters: dict[str, Any]) -> Any:
    answer = upstream(parameters)
    stack = handlers._resolve_stack(helpers._p(parameters, "StackName"))
    name = helpers._p(parameters, "ChangeSetName")
    _, change_set = changesets._find_change_set(name, (stack or {}).get("StackName", ""))
    if stack and change_set and _is_executable(change_set, stack):
        available = {"Status": "CREATE_COMPLETE", "ExecutionStatus": "AVAILABLE"}
        change_set.update(available, StatusReason="")
    return answer


def _is_executable(change_set: dict[str, Any], stack: dict[str, Any]) -> bool:
    if not change_set["StatusReason"].startswith(_NOTHING):
        return False
    creates = bool(change_set["ChangeSetType"] == "CREATE")
    return creates or bool(_outputs(stack, stack) != _outputs(change_set, stack))


def _outputs(source: dict[str, Any], stack: dict[str, Any]) -> Any:
    """Return the outputs that are active, with what the parameters give."""
    template = source["_template"]
    outputs = {
        name: {"Properties": output, "Condition": output.get("Condition")}
        for name, output in (template.get("Outputs") or {}).items()
    }
    as_resources = template | {"Resources": outputs}
    place = stack["StackName"], stack["StackId"]
    return changesets._resolve_props_for_diff(as_resources, source["_resolved_params"], *place)


def _recreation(upstream: Any, kind: str, name: str) -> str:
    # Wrong upstream: for most types each change is said to need a new resource, perhaps.
    known = str(upstream(kind, name))
    if known != "Conditionally":
        return known
    return schemas.recreation(kind, name, get_region()) or known
