"""The service role of a stack: who may give it, and that CloudFormation remembers it.

Wrong upstream: nobody needs iam:PassRole to give CloudFormation a role; RoleARN is not looked at,
and DescribeStacks doesn't show it. On AWS it is used until another is given.
Source: CloudFormation user guide, "CloudFormation service role"; IAM user guide, "Granting a user
permissions to pass a role to an AWS service".
Last needed: ministack 1.5.33.
"""

from __future__ import annotations

import functools
import json
from typing import Any

from ministack.core import iam_evaluator
from ministack.core.responses import get_region
from ministack.services import iam
from ministack.services.cloudformation import _stacks, changesets, handlers, helpers

from local_aws.mending import Layer, Mending

Parameters = dict[str, Any]
_ACTIONS = ("CreateStack", "UpdateStack", "DeleteStack", "CreateChangeSet", "ExecuteChangeSet")


def install(mending: Mending) -> None:
    """Ask IAM before a stack operation takes a role that it is given, and keep it."""
    for action in _ACTIONS:
        operation = functools.partial(_with_role, action)
        mending.around(handlers, "_ACTION_HANDLERS", operation, key=action, layer=Layer.PERMISSION)
    mending.around(
        handlers, "_ACTION_HANDLERS", _describe, key="DescribeStacks", layer=Layer.ANSWER
    )


def _with_role(action: str, upstream: Any, parameters: Parameters) -> Any:
    role = helpers._p(parameters, "RoleARN")
    if not role:
        answer = upstream(parameters)
    else:
        refusal = _refusal(role) or _bad_role(role)
        if refusal:
            return refusal
        answer = upstream(parameters)
        _keep(action, parameters, role, answer)
    if action == "ExecuteChangeSet":
        _adopt_change_set_role(parameters)
    return answer


def _refusal(role: str) -> Any:
    key = iam_evaluator._verified_key.get()
    if not key:
        return None
    refused = iam_evaluator.enforce(
        key,
        "iam:PassRole",
        "iam",
        get_region(),
        role,
        {"iam:PassedToService": "cloudformation.amazonaws.com"},
    )
    if refused is None:
        return None
    who = getattr(refused, "principal_arn", "") or "the caller"
    return helpers._error(
        "AccessDenied",
        f"User: {who} is not authorized to perform: iam:PassRole on resource: {role} "
        "because no identity-based policy allows the iam:PassRole action",
        403,
    )


def _bad_role(arn: str) -> Any:
    role = iam._roles.get(arn.rsplit("/", 1)[-1]) or {}
    trust = role.get("AssumeRolePolicyDocument") or {}
    text = trust if isinstance(trust, str) else json.dumps(trust)
    if role.get("Arn") == arn and "cloudformation.amazonaws.com" in text:
        return None
    return helpers._error("ValidationError", f"Role {arn} is invalid or cannot be assumed")


def _keep(action: str, parameters: Parameters, arn: str, answer: Any) -> None:
    stack = handlers._resolve_stack(helpers._p(parameters, "StackName"))
    if action != "CreateChangeSet":
        if stack is not None:
            stack["RoleARN"] = arn
    elif answer[0] < 400:  # noqa: PLR2004 - HTTP
        name = helpers._p(parameters, "ChangeSetName")
        changesets._find_change_set(name, stack["StackName"])[1]["RoleARN"] = arn


def _adopt_change_set_role(parameters: Parameters) -> None:
    name, stack_name = (helpers._p(parameters, key) for key in ("ChangeSetName", "StackName"))
    _, change_set = changesets._find_change_set(name, stack_name)
    if change_set and change_set.get("RoleARN"):
        _stacks[change_set["StackName"]]["RoleARN"] = change_set["RoleARN"]


def _describe(upstream: Any, parameters: Parameters) -> Any:
    status, headers, body = upstream(parameters)
    text = body.decode() if isinstance(body, bytes) else body
    for stack in _stacks.values():
        if stack.get("RoleARN"):
            identity = f"<StackId>{stack['StackId']}</StackId>"
            text = text.replace(identity, f"{identity}<RoleARN>{stack['RoleARN']}</RoleARN>")
    return status, headers, text.encode() if isinstance(body, bytes) else text
