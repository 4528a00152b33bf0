"""What CloudFormation says about a stack."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from custom_resources.contract.stacks import ServiceStack, is_unknown
from custom_resources.shared import aws
from custom_resources.shared.failure import Failure

DELETED = "DELETE_COMPLETE"


def status(cloudformation: Any, stack_id: str) -> str:
    """A stack's status; one that CloudFormation has forgotten counts as deleted.

    Args:
        cloudformation: boto3 client.
        stack_id: the stack's ARN: a later stack of the same name is another one.
    Raises:
        ClientError: the function may not ask.

    Source: DescribeStacks (API reference) answers ValidationError for a stack it doesn't know,
    and tells of deleted stacks for 90 days, by ARN only.
    """
    found = _find(cloudformation, stack_id)
    return str(found["StackStatus"]) if found else DELETED


def describe_service(cloudformation: Any, name: str) -> ServiceStack:
    """A service's stack.

    Args:
        cloudformation: boto3 client.
        name: of the stack.
    Raises:
        Failure: there is none.
        ClientError: the call was refused.
    """
    found = _find(cloudformation, name)
    if found is None:
        raise Failure(f"There is no stack {name}.", "Deploy the service, or delete its secrets.")
    return ServiceStack.of(found)


def _find(cloudformation: Any, stack: str) -> Mapping[str, Any] | None:
    try:
        found: Mapping[str, Any] = cloudformation.describe_stacks(StackName=stack)["Stacks"][0]
    except ClientError as error:
        if is_unknown(aws.code(error), str(error)):
            return None
        raise
    return found
