"""Who gives CloudFormation a role needs iam:PassRole on it.

Wrong upstream: nobody needs it.
Source: CloudFormation user guide, "CloudFormation service role"; IAM user guide, "Granting a user
permissions to pass a role to an AWS service".
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ministack.core import iam_evaluator
from ministack.core.responses import get_region
from ministack.services.cloudformation import handlers, helpers

Parameters = dict[str, Any]
Operation = Callable[[Parameters], Any]


def install() -> None:
    """Ask IAM before a stack operation takes a role that it is given."""
    for action in ("CreateStack", "UpdateStack", "DeleteStack", "CreateChangeSet"):
        handlers._ACTION_HANDLERS[action] = _asking(handlers._ACTION_HANDLERS[action])


def _asking(operation: Operation) -> Operation:
    def asking(parameters: Parameters) -> Any:
        role = helpers._p(parameters, "RoleARN")
        key = iam_evaluator._verified_key.get()
        if role and key:
            refusal = iam_evaluator.enforce(
                key,
                "iam:PassRole",
                "iam",
                get_region(),
                role,
                {"iam:PassedToService": "cloudformation.amazonaws.com"},
            )
            if refusal is not None:
                who = getattr(refusal, "principal_arn", "") or "the caller"
                return helpers._error(
                    "AccessDenied",
                    f"User: {who} is not authorized to perform: iam:PassRole on resource: {role} "
                    "because no identity-based policy allows the iam:PassRole action",
                    403,
                )
        return operation(parameters)

    return asking
