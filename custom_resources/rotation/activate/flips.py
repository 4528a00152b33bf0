"""What became of the updates that were to move a service to a rotated user. No calls.

Source: CloudFormation API reference, StackEvent: all events of an operation have its token.
"""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from custom_resources.contract.stacks import token

# A flip that failed before it came to the ECS service: once by the message, then by the sweep on
# each of three days.
MOST_ATTEMPTS = 4
_LONG_AGO = datetime.datetime.min.replace(tzinfo=datetime.UTC)


class Flip(Enum):
    """What became of an UpdateStack with a rotation's token."""

    NOT_BEGUN = "not begun"
    UNDER_WAY = "under way"
    COMPLETE = "complete"
    ROLLED_BACK = "rolled back"


@dataclass(frozen=True)
class StackEvent:
    """An event of a stack, as DescribeStackEvents lists it.

    Args:
        status: ResourceStatus.
        token: of the request that began the operation; empty without one.
        resource: type of the resource that it is about; empty if it is about the stack itself.
        reason: ResourceStatusReason.
        time: when it happened.
    """

    status: str
    token: str
    resource: str = ""
    reason: str = ""
    time: datetime.datetime = _LONG_AGO

    @property
    def is_failure(self) -> bool:
        """Whether a resource failed, and not because the update was cancelled."""
        failed = bool(self.resource) and self.status.endswith("_FAILED")
        return failed and "cancelled" not in self.reason.lower()


@dataclass(frozen=True)
class Earlier:
    """What became of a version's flip so far.

    Args:
        flip: of the last attempt.
        attempts: number of those that were begun.
        begun: when the last one was.
        passes: whether that one failed for a reason that passes by itself, such as a database that
            was away: before CloudFormation came to the ECS service. Nobody has cancelled it, and
            nobody has updated the stack since.
    """

    flip: Flip = Flip.NOT_BEGUN
    attempts: int = 0
    begun: datetime.datetime = _LONG_AGO
    passes: bool = False

    @classmethod
    def of(cls, events: Sequence[StackEvent], version: str) -> Earlier:
        """Read it from a stack's events.

        Args:
            events: all of the stack's, oldest first.
            version: that was rotated.
        """
        starts = {
            event.token: n
            for n, event in reversed(list(enumerate(events)))
            if not event.resource and event.token
        }
        attempts = [it for n in range(MOST_ATTEMPTS) if (it := token(version, n + 1)) in starts]
        if not attempts:
            return cls()
        start = starts[attempts[-1]]
        end = next((n for n in range(start, len(events)) if _ends(events[n])), len(events) - 1)
        operation = events[start : end + 1]
        return cls(
            flip=flip(operation),
            attempts=len(attempts),
            begun=operation[0].time,
            passes=not any(not it.resource for it in events[end + 1 :]) and _passes(operation),
        )


def _ends(event: StackEvent) -> bool:
    """Whether an operation on the stack ends with an event."""
    ended = event.status.endswith(("_COMPLETE", "_FAILED"))
    return not event.resource and ended


def _passes(operation: Sequence[StackEvent]) -> bool:
    """Whether an update failed before it came to the ECS service, and was rolled back by nobody.

    The rollback's own events may carry another token: that of who cancelled the update.
    """
    back = next((n for n, it in enumerate(operation) if "ROLLBACK" in it.status), None)
    if back is None or operation[-1].status != "UPDATE_ROLLBACK_COMPLETE":
        return False
    token_of_stack = {it.token for it in operation if not it.resource and it.token}
    touched = any(it.resource == "AWS::ECS::Service" for it in operation)
    failed = any(it.is_failure for it in operation[:back])
    return failed and not touched and len(token_of_stack) == 1


def flip(operation: Sequence[StackEvent]) -> Flip:
    """What became of an update.

    Args:
        operation: its events, oldest first.
    """
    for event in operation:
        if event.resource:
            continue
        if event.status == "UPDATE_COMPLETE":
            return Flip.COMPLETE
        if "ROLLBACK" in event.status or event.status.endswith("_FAILED"):
            return Flip.ROLLED_BACK
    return Flip.UNDER_WAY
