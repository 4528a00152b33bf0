"""What to do about a rotated user, from what AWS says. No calls."""

from __future__ import annotations

import datetime
from dataclasses import dataclass

from custom_resources.contract.labels import CURRENT, PENDING, PREVIOUS, ROTATED, Labels
from custom_resources.contract.names import USERS, ServiceUser
from custom_resources.contract.outcomes import Move
from custom_resources.contract.stacks import ServiceStack
from custom_resources.rotation.activate.flips import MOST_ATTEMPTS, Earlier, Flip
from custom_resources.shared.failure import Failure

# A sweep that Lambda repeats within minutes is no other day's.
_BETWEEN_SWEEPS = datetime.timedelta(hours=12)
# CloudFormation forgets a stack's events after 90 days (user guide, "View stack information").
_EVENTS_LAST = datetime.timedelta(days=80)


@dataclass(frozen=True)
class Decision:
    """What to do, and why, for the log."""

    move: Move
    reason: str


class FlipRolledBack(Failure):
    """The flip failed, and isn't repeated."""


def may_be_early(labels: Labels, version: str) -> bool:
    """Whether a rotated version that isn't AWSCURRENT may get there yet: Secrets Manager is
    eventually consistent (API reference), so its answer may be older than its event.

    Args:
        labels: staging labels by version.
        version: that was rotated.
    """
    own = set(labels.get(version, ()))
    return bool(own & {PENDING, ROTATED}) and PREVIOUS not in own


def superseded(labels: Labels, version: str) -> str:
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
    if stack.active_user not in USERS:
        raise Failure(
            f"The stack {stack.name} has no parameter ActiveUser, and can't be moved to {user}.",
            "Deploy the service from the template that has it.",
        )
