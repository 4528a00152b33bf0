"""A service's stack, as DescribeStacks tells of it, and the tokens of its updates."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .names import ACTIVE_USER

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
SHELL = "REVIEW_IN_PROGRESS"  # what a change set for a new stack leaves: no resource yet
FLIP = "flip-"  # what the token of every flip begins with
# Those of the updates that people and pipelines begin, each with an id of its own behind it.
DEPLOYMENT, ROLLBACK, REPAIR = "deployment-", "rollback-", "repair-"
_BEGINNERS = (FLIP, DEPLOYMENT, ROLLBACK, REPAIR)


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

    @classmethod
    def of(cls, description: Mapping[str, Any]) -> ServiceStack:
        """Read DescribeStacks' entry."""
        return cls(
            stack_id=description["StackId"],
            status=description["StackStatus"],
            parameters=parameters(description),
            capabilities=tuple(description.get("Capabilities", [])),
            role_arn=description.get("RoleARN", ""),
            is_nested=bool(description.get("ParentId") or description.get("RootId")),
        )

    @property
    def name(self) -> str:
        """The stack's name."""
        return name_of(self.stack_id)

    @property
    def active_user(self) -> str:
        """blue or green; empty if the stack has no such parameter."""
        return self.parameters.get(ACTIVE_USER, "")

    @property
    def is_stable(self) -> bool:
        """Whether nothing is under way, and nothing is broken."""
        return self.status in STABLE

    @property
    def is_busy(self) -> bool:
        """Whether an operation is under way, after which the stack has another status."""
        return is_busy(self.status)


def is_busy(status: str) -> bool:
    """Whether an operation runs on a stack or resource with this status; none does on SHELL."""
    return status.endswith("_IN_PROGRESS") and status != SHELL


def name_of(stack_id: str) -> str:
    """A stack's name out of its ARN."""
    return stack_id.split("/")[1]


def is_unknown(code: str, message: str) -> bool:
    """Whether an error of DescribeStacks says that there is no such stack.

    Args:
        code: of the error.
        message: its words: the code is that of any argument that CloudFormation doesn't like.
    """
    return code == "ValidationError" and "does not exist" in message


def parameters(description: Mapping[str, Any]) -> dict[str, str]:
    """A stack's parameters by name, as DescribeStacks has them."""
    return {
        item["ParameterKey"]: item.get("ParameterValue", "")
        for item in description.get("Parameters", [])
    }


def token(version: str, attempt: int = 1) -> str:
    """ClientRequestToken of an update that moves a service to a rotated version.

    CloudFormation takes letters, digits and hyphens, and each token once (API reference,
    UpdateStack); a version's id may hold anything, for whoever calls RotateSecret may choose it.

    Args:
        version: the version's id.
        attempt: 1 for the first.
    """
    if not re.fullmatch(r"[A-Za-z0-9-]{1,64}[A-Za-z0-9]{2}", version):
        version = hashlib.sha256(version.encode()).hexdigest()
    return f"{FLIP}{version}" if attempt == 1 else f"{FLIP}{version}-{attempt}"


def began_by(token: str) -> str:
    """What began an operation on a stack, by its ClientRequestToken.

    A token stands in each event of its operation (API reference, StackEvent).

    Args:
        token: of an event, "" if it has none.

    Returns: flip, deployment, rollback or repair; "" for whoever gives no such token.
    """
    return next((it.rstrip("-") for it in _BEGINNERS if token.startswith(it)), "")
