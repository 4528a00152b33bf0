"""What CloudFormation says about a stack."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError

from custom_resources.shared import aws

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
    try:
        stacks = cloudformation.describe_stacks(StackName=stack_id)["Stacks"]
    except ClientError as error:
        if aws.code(error) == "ValidationError" and "does not exist" in str(error):
            return DELETED
        raise
    return str(stacks[0]["StackStatus"])


def name(stack_id: str) -> str:
    """The stack's name out of its ARN."""
    return stack_id.split("/")[1]
