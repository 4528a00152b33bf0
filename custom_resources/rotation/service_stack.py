"""The stack of a service, as CloudFormation describes it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from custom_resources.shared import aws
from custom_resources.shared.failure import Failure

# In these nothing is under way, and the parameters are what the resources were made with
# (CloudFormation user guide, "Stack status codes").
STABLE = frozenset(
    {
        "CREATE_COMPLETE",
        "UPDATE_COMPLETE",
        "UPDATE_ROLLBACK_COMPLETE",
        "IMPORT_COMPLETE",
        "IMPORT_ROLLBACK_COMPLETE",
    }
)


@dataclass(frozen=True)
class ServiceStack:
    """What of a stack matters for a flip.

    Args:
        stack_id: ARN.
        status: as DescribeStacks gives it.
        parameters: values by name.
        capabilities: that the stack was last deployed with.
        role_arn: CloudFormation's service role for the stack; empty without one.
        is_nested: whether another stack manages it.
    """

    stack_id: str
    status: str
    parameters: dict[str, str]
    capabilities: tuple[str, ...] = ()
    role_arn: str = ""
    is_nested: bool = False

    @property
    def name(self) -> str:
        """The stack's name."""
        return self.stack_id.split("/")[1]

    @property
    def active_user(self) -> str:
        """blue or green; empty if the stack has no such parameter."""
        return self.parameters.get("ActiveUser", "")

    @property
    def is_stable(self) -> bool:
        """Whether nothing is under way, and nothing is broken."""
        return self.status in STABLE

    @property
    def is_busy(self) -> bool:
        """Whether an operation is under way, after which the stack has another status."""
        return self.status.endswith("_IN_PROGRESS")


def describe(cloudformation: Any, name: str) -> ServiceStack:
    """Ask CloudFormation for a stack.

    Args:
        cloudformation: boto3 client.
        name: of the stack.
    Raises:
        Failure: there is none.
        ClientError: the call was refused.
    """
    try:
        (stack,) = cloudformation.describe_stacks(StackName=name)["Stacks"]
    except ClientError as error:
        if aws.code(error) == "ValidationError" and "does not exist" in str(error):
            raise Failure(
                f"There is no stack {name}.", "Deploy the service, or delete its secrets."
            ) from None
        raise
    return ServiceStack(
        stack_id=stack["StackId"],
        status=stack["StackStatus"],
        parameters={
            parameter["ParameterKey"]: parameter.get("ParameterValue", "")
            for parameter in stack.get("Parameters", [])
        },
        capabilities=tuple(stack.get("Capabilities", [])),
        role_arn=stack.get("RoleARN", ""),
        is_nested=bool(stack.get("ParentId") or stack.get("RootId")),
    )
