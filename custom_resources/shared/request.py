"""What Lambda and CloudFormation hand to a function, and what a custom resource answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol


class Context(Protocol):
    """What is used of Lambda's context."""

    aws_request_id: str

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until Lambda ends the function."""


@dataclass(frozen=True)
class Answer:
    """What a Create or Update returns.

    Args:
        physical_id: another one than before makes CloudFormation delete the old resource.
        data: the attributes for `Fn::GetAtt`; never a secret.
    """

    physical_id: str
    data: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Request:
    """What CloudFormation asks for.

    Args:
        event: the event as it came.
        claim: to be called with the physical id right before the first change. After it, a failed
            Create is answered with that id, so that CloudFormation's Delete finds what was begun;
            before it, with one that Delete knows to stand for nothing.
        seconds_left: until Lambda ends the function.
    """

    event: Mapping[str, Any]
    claim: Callable[[str], None]
    seconds_left: Callable[[], float]

    @property
    def type(self) -> str:
        """Create, Update or Delete."""
        return str(self.event["RequestType"])

    @property
    def kind(self) -> str:
        """The resource's type, such as Custom::Database."""
        return str(self.event.get("ResourceType", ""))

    @property
    def properties(self) -> Mapping[str, object]:
        """The resource's properties as they are to be."""
        properties: Mapping[str, object] = self.event.get("ResourceProperties", {})
        return properties

    @property
    def old_properties(self) -> Mapping[str, object]:
        """The resource's properties as they were; none but on Update."""
        properties: Mapping[str, object] = self.event.get("OldResourceProperties", {})
        return properties

    @property
    def stack_id(self) -> str:
        """ARN of the stack."""
        return str(self.event["StackId"])

    @property
    def logical_id(self) -> str:
        """The resource's name in the template."""
        return str(self.event["LogicalResourceId"])

    @property
    def physical_id(self) -> str:
        """The id that an earlier answer gave; empty on Create."""
        return str(self.event.get("PhysicalResourceId", ""))
