"""What to do about a rotated user, from what AWS says. No calls."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from custom_resources.rotation.activate.flips import MOST_ATTEMPTS, Earlier, Flip
from custom_resources.rotation.service_stack import ServiceStack
from custom_resources.rotation.users import CURRENT, PENDING, PREVIOUS, ROTATED, ServiceUser
from custom_resources.shared.failure import Failure

# No schedule of the service template has a longer window: Secrets Manager may still try again.
_LONGEST_WINDOW = datetime.timedelta(days=1)
# The template's schedules are monthly; the window, and a day for people to mend what failed.
_LONGEST_WITHOUT_ROTATION = datetime.timedelta(days=31 + 1 + 1)
# A sweep that Lambda repeats within minutes is no other day's.
_BETWEEN_SWEEPS = datetime.timedelta(hours=12)
# CloudFormation forgets a stack's events after 90 days (user guide, "View stack information").
_EVENTS_LAST = datetime.timedelta(days=80)


class Move(Enum):
    """What to do about a rotated user."""

    BEGIN = "flip begun"
    WAIT = "waiting"
    LATER = "left to the daily sweep"
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
    """The flip failed, and isn't repeated."""


def may_be_early(labels: Mapping[str, Sequence[str]], version: str) -> bool:
    """Whether a rotated version that isn't AWSCURRENT may get there yet: Secrets Manager is
    eventually consistent (API reference), so its answer may be older than its event.

    Args:
        labels: staging labels by version.
        version: that was rotated.
    """
    own = set(labels.get(version, ()))
    return bool(own & {PENDING, ROTATED}) and PREVIOUS not in own


def superseded(labels: Mapping[str, Sequence[str]], version: str) -> str:
    """Why a rotated version needs no flip any more; empty if it does.

    Args:
        labels: staging labels by version.
        version: that was rotated.
    """
    if CURRENT in labels.get(version, ()):
        return ""
    return f"the version {version} isn't {CURRENT} any more"


@dataclass(frozen=True)
class Circumstances:
    """When and why a rotated user is looked at.

    Args:
        now: the time.
        rotated: when the user was rotated.
        sweeping: whether it is the daily sweep that asks, and not a message.
        paused: whether the platform's rotation is paused.
    """

    now: datetime.datetime
    rotated: datetime.datetime
    sweeping: bool = False
    paused: bool = False


def decide(
    stack: ServiceStack, user: ServiceUser, earlier: Earlier, given: Circumstances
) -> Decision:
    """What to do about a rotated user whose version is AWSCURRENT.

    Args:
        stack: of the service.
        user: that was rotated.
        earlier: what became of the flip so far.
        given: when and why that is asked.
    Raises:
        FlipRolledBack: it failed; it isn't repeated.
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
    if earlier.flip is Flip.UNDER_WAY:
        return Decision(Move.WAIT, "the flip has just begun")
    if earlier.flip is Flip.COMPLETE:
        return Decision(Move.DROP, "the flip was done, and somebody has moved the service since")
    if earlier.flip is Flip.ROLLED_BACK and not _may_repeat(earlier):
        raise _rolled_back(stack, user, earlier)
    _check_ours(stack, user)
    return _hindrance(earlier, given) or Decision(
        Move.BEGIN, f"from {stack.active_user} to {user.colour}"
    )


def _may_repeat(earlier: Earlier) -> bool:
    return earlier.passes and earlier.attempts < MOST_ATTEMPTS


def _rolled_back(stack: ServiceStack, user: ServiceUser, earlier: Earlier) -> FlipRolledBack:
    times = "" if earlier.attempts == 1 else f" {earlier.attempts} times"
    return FlipRolledBack(
        f"The flip of the stack {stack.name} to {user} was rolled back{times}, and isn't repeated.",
        "See the stack's events for the reason; the other user is still valid. Mend it, then "
        "rotate again (rotate.yml).",
    )


def _hindrance(earlier: Earlier, given: Circumstances) -> Decision | None:
    """What keeps a flip from being begun now; None if nothing does."""
    if given.paused:
        # A message that waited here would come to the dead-letter queue after a day and a half.
        return Decision(
            Move.LATER,
            "rotation is paused on this platform: deploy the rotation stack with Paused false "
            "to go on",
        )
    if not earlier.attempts and given.now > given.rotated + _EVENTS_LAST:
        days = (given.now - given.rotated).days
        return Decision(
            Move.DROP,
            f"it was rotated {days} days ago: CloudFormation doesn't tell any more whether "
            "somebody has moved the service since; rotate it again (rotate.yml)",
        )
    too_soon = earlier.attempts > 1 and given.now < earlier.begun + _BETWEEN_SWEEPS
    if earlier.attempts and (too_soon or not given.sweeping):
        return Decision(Move.LATER, "its flip failed before the service was touched")
    return None


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
