"""What to do about a rotated user, from what AWS says. No calls."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from custom_resources.rotation.service_stack import ServiceStack
from custom_resources.rotation.users import CURRENT, PENDING, ROTATED, ServiceUser
from custom_resources.shared.failure import Failure

# No schedule of the service template has a longer window: Secrets Manager may still try again.
_LONGEST_WINDOW = datetime.timedelta(days=1)
# The template's schedules are monthly; the window, and a day for people to mend what failed.
_LONGEST_WITHOUT_ROTATION = datetime.timedelta(days=31 + 1 + 1)


class Flip(Enum):
    """What became of an earlier UpdateStack with this rotation's token."""

    NOT_BEGUN = "not begun"
    UNDER_WAY = "under way"
    COMPLETE = "complete"
    ROLLED_BACK = "rolled back"


class Move(Enum):
    """What to do about a rotated user."""

    BEGIN = "flip begun"
    WAIT = "waiting"
    ACTIVE = "active"
    DROP = "dropped"
    LABEL = "labelled"
    IGNORE = "ignored"


@dataclass(frozen=True)
class Decision:
    """What to do, and why, for the log."""

    move: Move
    reason: str


class FlipRolledBack(Failure):
    """The flip failed once, and isn't repeated."""


@dataclass(frozen=True)
class StackEvent:
    """An event of the stack itself, as DescribeStackEvents lists it.

    Args:
        status: ResourceStatus.
        token: of the request that began the operation; empty without one.
    """

    status: str
    token: str


def token(version: str) -> str:
    """ClientRequestToken of the update that moves a service to a rotated version."""
    return f"flip-{version}"


def flip(events: Sequence[StackEvent], wanted: str) -> Flip:
    """What became of the update with a token.

    The rollback's own events may carry another token: that of who cancelled the update.

    Args:
        events: the stack's own, oldest first.
        wanted: the token.
    """
    begun = next((n for n, event in enumerate(events) if event.token == wanted), None)
    if begun is None:
        return Flip.NOT_BEGUN
    for event in events[begun:]:
        if event.status == "UPDATE_COMPLETE":
            return Flip.COMPLETE
        if "ROLLBACK" in event.status or event.status.endswith("_FAILED"):
            return Flip.ROLLED_BACK
    return Flip.UNDER_WAY


def superseded(labels: Mapping[str, Sequence[str]], version: str) -> str:
    """Why a rotated version needs no flip any more; empty if it does.

    Args:
        labels: staging labels by version.
        version: that was rotated.
    """
    if CURRENT in labels.get(version, ()):
        return ""
    return f"the version {version} isn't {CURRENT} any more"


def decide(stack: ServiceStack, user: ServiceUser, earlier: Flip, *, paused: bool) -> Decision:
    """What to do about a rotated user whose version is AWSCURRENT.

    Args:
        stack: of the service.
        user: that was rotated.
        earlier: what became of the flip so far.
        paused: whether the platform's rotation is paused.
    Raises:
        FlipRolledBack: it failed once; it isn't repeated.
        Failure: the stack can't be updated by this function.
    """
    if stack.is_busy:
        return Decision(Move.WAIT, f"the stack is in {stack.status}")
    if not stack.is_stable:
        raise Failure(
            f"The stack {stack.name} is in {stack.status}, so that it can't be moved to {user}.",
            "Bring it to a stable state (continue its rollback, or deploy it), then rotate again.",
        )
    if stack.active_user == user.colour:
        return Decision(Move.ACTIVE, f"the stack is in {stack.status}")
    if earlier is Flip.UNDER_WAY:
        return Decision(Move.WAIT, "the flip has just begun")
    if earlier is Flip.COMPLETE:
        return Decision(Move.DROP, "the flip was done, and somebody has moved the service since")
    if earlier is Flip.ROLLED_BACK:
        raise FlipRolledBack(
            f"The flip of the stack {stack.name} to {user} was rolled back, and isn't repeated.",
            "See the stack's events for the reason; the other user is still valid. Mend it, then "
            "rotate again (rotate.yml).",
        )
    _check_ours(stack, user)
    if paused:
        return Decision(
            Move.WAIT,
            "rotation is paused on this platform: deploy the support stack with RotationPaused "
            "false to go on",
        )
    return Decision(Move.BEGIN, f"from {stack.active_user} to {user.colour}")


def _check_ours(stack: ServiceStack, user: ServiceUser) -> None:
    if stack.is_nested:
        raise Failure(
            f"The stack {stack.name} is nested in another one, and isn't moved to {user}: the "
            "next update of its parent would move it back.",
            "Deploy the service as a stack of its own.",
        )
    if not stack.role_arn:
        raise Failure(
            f"The stack {stack.name} has no service role, and isn't moved to {user}: CloudFormation"
            " would update it with this function's permissions.",
            "Deploy it once with the deployment role (stack PLATFORM-deployment-TEAM, output "
            "CloudFormationRoleArn), then rotate again.",
        )
    if stack.active_user not in ("blue", "green"):
        raise Failure(
            f"The stack {stack.name} has no parameter ActiveUser, and can't be moved to {user}.",
            "Deploy the service from the template that has it.",
        )


@dataclass(frozen=True)
class SecretFacts:
    """What is known of one secret.

    Args:
        user: whose it is.
        labels: staging labels by version.
        created: when each version that has a label was made, as far as it is told.
        function: ARN of its rotation function; empty if it isn't rotated.
        last_rotated: when Secrets Manager noted the end of its last rotation; None before.
        rotatable: since when it could have been rotated; None if that isn't told.
    """

    user: ServiceUser
    labels: Mapping[str, Sequence[str]]
    created: Mapping[str, datetime.datetime]
    function: str
    last_rotated: datetime.datetime | None
    rotatable: datetime.datetime | None

    def version(self, label: str) -> str:
        """The version that has a label; empty if none has it."""
        return next((it for it, labels in self.labels.items() if label in labels), "")

    @property
    def rotated(self) -> datetime.datetime | None:
        """When the last finished rotation began, or ended where that isn't told; None if there
        was none."""
        version = self.version(ROTATED)
        return self.created.get(version, self.last_rotated) if version else None

    def why_not_rotated(self, version: str) -> str:
        """Why a version was made by no rotation function but ours, such as AWS's own; empty if it
        was made by one.

        Args:
            version: of which an event said that AWSCURRENT moved to it. That happens also when a
                secret is made, attached to its cluster, or given a value by hand.
        """
        if not self.function:
            return "its secret isn't rotated"
        if self.function.endswith(f":function:{self.user.platform}-rotate"):
            return f"{self.user.platform}-rotate tells of its rotations by {ROTATED}"
        if self.version(ROTATED) == version:
            return f"it has the label {ROTATED} already"
        # A rotation's version has AWSPENDING too until Secrets Manager notes the rotation's end.
        if self.version(PENDING) != version and not self._is_of_the_last_rotation(version):
            return "no rotation made it"
        return superseded(self.labels, version)

    def _is_of_the_last_rotation(self, version: str) -> bool:
        """Whether the last rotation ended after this version was made, and before the next one was.

        A value put by hand is newer than the last rotation; a label moved back by hand is on a
        version that is older than the last rotation's.
        """
        begun, ended = self.created.get(version), self.last_rotated
        if begun is None or ended is None:
            return False
        return begun <= ended and not any(begun < it <= ended for it in self.created.values())

    @property
    def lacks_label(self) -> bool:
        """Whether a rotation is done, but nobody was told: ours ended between its two labels, or
        the event of another function's was lost."""
        version = self.version(CURRENT)
        ended_between = version == self.version(PENDING) != self.version(ROTATED)
        return ended_between or not self.why_not_rotated(version)

    def abandoned(self, now: datetime.datetime) -> str:
        """The version of a rotation that was begun and not finished, too long ago to be going on;
        empty if there is none."""
        version = self.version(PENDING)
        if not version or version == self.version(CURRENT):
            return ""
        return version if self.created.get(version, now) < now - _LONGEST_WINDOW else ""

    def is_overdue(self, now: datetime.datetime) -> bool:
        """Whether the secret's schedule has passed without a rotation."""
        last = self.last_rotated or self.rotatable
        if last is None or not self.function:
            return False
        return last < now - _LONGEST_WITHOUT_ROTATION


def last_rotated(secrets: Sequence[SecretFacts]) -> SecretFacts | None:
    """The user of a service that is to be active: who was rotated last; None if nobody was."""
    rotated = [(it.rotated, it) for it in secrets if it.rotated]
    return max(rotated, key=lambda pair: pair[0])[1] if rotated else None
