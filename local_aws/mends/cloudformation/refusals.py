"""What CloudFormation refuses before it begins, and the service role that it remembers.

Source: CloudFormation API reference, CreateStack, UpdateStack, CreateChangeSet, ExecuteChangeSet;
user guide, "CloudFormation service role" and "Get a secure string value from Systems Manager
Parameter Store".
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

from ministack.services import iam
from ministack.services.cloudformation import _stacks, changesets, handlers, helpers

Parameters = dict[str, Any]
Operation = Callable[[Parameters], Any]

# "Resources that support dynamic parameter patterns for secure strings"; OpsWorks is gone.
_SECURE_STRING_PROPERTIES = {
    ("AWS::DirectoryService::MicrosoftAD", "Password"),
    ("AWS::DirectoryService::SimpleAD", "Password"),
    ("AWS::ElastiCache::ReplicationGroup", "AuthToken"),
    ("AWS::IAM::User", "LoginProfile/Password"),
    ("AWS::KinesisFirehose::DeliveryStream", "RedshiftDestinationConfiguration/Password"),
    ("AWS::RDS::DBCluster", "MasterUserPassword"),
    ("AWS::RDS::DBInstance", "MasterUserPassword"),
    ("AWS::Redshift::Cluster", "MasterUserPassword"),
}
_BROKEN_UPDATE = ("UPDATE_ROLLBACK_FAILED",)
_BROKEN_CREATION = ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED", "DELETE_FAILED")


def install() -> None:
    """Install the mends of this room."""
    _secure_strings()
    for action, check in (
        ("CreateStack", _refuse_broken_creation),
        ("UpdateStack", _refuse_busy),
        ("CreateChangeSet", _refuse_change_set),
        ("ExecuteChangeSet", _refuse_execution),
        ("DeleteStack", None),
    ):
        operation = _with_role(action, handlers._ACTION_HANDLERS[action])
        handlers._ACTION_HANDLERS[action] = _checked(operation, check)
    handlers._ACTION_HANDLERS["DescribeChangeSet"] = _checked(
        handlers._ACTION_HANDLERS["DescribeChangeSet"], _refuse_description
    )
    handlers._ACTION_HANDLERS["DescribeStacks"] = _describe_with_role(
        handlers._ACTION_HANDLERS["DescribeStacks"]
    )


def _secure_strings() -> None:
    # Wrong upstream: any property takes an ssm-secure reference.
    upstream = handlers.validate_template_support

    def validate(template: Parameters, *arguments: Any, **options: Any) -> None:
        refused = sorted(_misplaced_secure_strings(template))
        if refused:
            raise ValueError(f"SSM Secure reference is not supported in: [{','.join(refused)}]")
        upstream(template, *arguments, **options)

    handlers.validate_template_support = validate
    changesets.validate_template_support = validate


def _misplaced_secure_strings(template: Parameters) -> Iterator[str]:
    for resource in (template.get("Resources") or {}).values():
        kind = resource.get("Type", "") if isinstance(resource, dict) else ""
        for path in _paths_of_secure_strings((resource or {}).get("Properties"), ()):
            # below an intrinsic function's name, the place is still the property's
            place = "/".join(part for part in path if not part.startswith("Fn::"))
            if (kind, place) not in _SECURE_STRING_PROPERTIES:
                yield f"{kind}/Properties/{place}"


def _paths_of_secure_strings(value: Any, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    if isinstance(value, str) and "{{resolve:ssm-secure:" in value:
        yield path
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from _paths_of_secure_strings(inner, (*path, str(key)))
    elif isinstance(value, list):
        for inner in value:
            yield from _paths_of_secure_strings(inner, path)


def _checked(operation: Operation, check: Callable[[Parameters], str | None] | None) -> Operation:
    def checked(parameters: Parameters) -> Any:
        refusal = (check(parameters) if check else None) or _bad_role(parameters)
        return helpers._error("ValidationError", refusal) if refusal else operation(parameters)

    return checked


def _stack(parameters: Parameters) -> dict[str, Any] | None:
    stack = handlers._resolve_stack(helpers._p(parameters, "StackName"))
    return stack if stack and stack["StackStatus"] != "DELETE_COMPLETE" else None


def _refuse_broken_creation(parameters: Parameters) -> str | None:
    # Wrong upstream: a stack in ROLLBACK_COMPLETE may be created over.
    stack = _stack(parameters)
    if stack and stack["StackStatus"] in _BROKEN_CREATION:
        return f"Stack [{stack['StackName']}] already exists"
    return None


def _refuse_busy(parameters: Parameters) -> str | None:
    stack = _stack(parameters)
    status = stack["StackStatus"] if stack else ""
    broken = status in _BROKEN_CREATION + _BROKEN_UPDATE
    if stack and (status.endswith("_IN_PROGRESS") or broken):
        return f"Stack:{stack['StackId']} is in {status} state and can not be updated."
    return None


def _refuse_change_set(parameters: Parameters) -> str | None:
    # Wrong upstream: a change set may be made of a stack that is busy or was never created.
    stack = _stack(parameters)
    if stack and stack["StackStatus"] == "REVIEW_IN_PROGRESS":
        return None
    return _refuse_busy(parameters)


def _refuse_execution(parameters: Parameters) -> str | None:
    # Wrong upstream: a change set may be executed on a busy stack.
    name, stack_name = (helpers._p(parameters, key) for key in ("ChangeSetName", "StackName"))
    _, change_set = changesets._find_change_set(name, stack_name)
    stack = _stacks.get((change_set or {}).get("StackName", ""))
    status = (stack or {}).get("StackStatus", "")
    if status.endswith("_IN_PROGRESS") and status != "REVIEW_IN_PROGRESS":
        return f"Stack:{stack['StackId']} is in {status} state and can not be updated."
    return None


def _refuse_description(parameters: Parameters) -> str | None:
    # Wrong upstream: the change set of a stack that is gone is the one that isn't found.
    name = helpers._p(parameters, "StackName")
    return f"Stack [{name}] does not exist" if name and not _stack(parameters) else None


def _bad_role(parameters: Parameters) -> str | None:
    # Wrong upstream: RoleARN is not looked at.
    arn = helpers._p(parameters, "RoleARN")
    if not arn:
        return None
    role = iam._roles.get(arn.rsplit("/", 1)[-1]) or {}
    trust = role.get("AssumeRolePolicyDocument") or {}
    text = trust if isinstance(trust, str) else json.dumps(trust)
    if role.get("Arn") != arn or "cloudformation.amazonaws.com" not in text:
        return f"Role {arn} is invalid or cannot be assumed"
    return None


def _with_role(action: str, operation: Operation) -> Operation:
    """Keep the service role with the stack: once set, it is used until another is given."""

    def remembering(parameters: Parameters) -> Any:
        answer = operation(parameters)
        arn = helpers._p(parameters, "RoleARN")
        stack = handlers._resolve_stack(helpers._p(parameters, "StackName"))
        if action == "ExecuteChangeSet":
            _adopt_change_set_role(parameters)
        elif action == "CreateChangeSet" and answer[0] < 400 and arn:  # noqa: PLR2004 - HTTP
            name = helpers._p(parameters, "ChangeSetName")
            changesets._find_change_set(name, stack["StackName"])[1]["RoleARN"] = arn
        elif stack is not None and arn:
            stack["RoleARN"] = arn
        return answer

    return remembering


def _adopt_change_set_role(parameters: Parameters) -> None:
    name, stack_name = (helpers._p(parameters, key) for key in ("ChangeSetName", "StackName"))
    _, change_set = changesets._find_change_set(name, stack_name)
    if change_set and change_set.get("RoleARN"):
        _stacks[change_set["StackName"]]["RoleARN"] = change_set["RoleARN"]


def _describe_with_role(operation: Operation) -> Operation:
    # Wrong upstream: DescribeStacks doesn't show the role.
    def describe(parameters: Parameters) -> Any:
        status, headers, body = operation(parameters)
        text = body.decode() if isinstance(body, bytes) else body
        for stack in _stacks.values():
            if stack.get("RoleARN"):
                identity = f"<StackId>{stack['StackId']}</StackId>"
                text = text.replace(identity, f"{identity}<RoleARN>{stack['RoleARN']}</RoleARN>")
        return status, headers, text.encode() if isinstance(body, bytes) else text

    return describe
