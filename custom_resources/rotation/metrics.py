"""What the rotation counts and measures, as CloudWatch's metrics of a platform.

No dimension has values without end: a service's name, a user's colour, a reason of a closed list.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from custom_resources.contract.names import ServiceUser, metrics_namespace
from custom_resources.contract.outcomes import (
    CREATED,
    FAILED,
    FINISHED,
    REFUSED,
    ROLLED_BACK,
    Move,
    Reason,
)
from custom_resources.shared import metrics

# What comes to pass -> the metric that counts it. The templates' alarms and dashboards know them.
OF_ROTATIONS = {
    CREATED: "RotationsBegun",
    FINISHED: "RotationsFinished",
    REFUSED: "RotationsRefused",
    FAILED: "RotationsFailed",
}
OF_FLIPS = {
    Move.BEGIN.value: "FlipsBegun",
    Move.ACTIVE.value: "FlipsFinished",
    ROLLED_BACK: "RolledBackFlips",
}
OVERDUE = "OverdueSecrets"
AGE = "PasswordAgeDays"


def count_rotation(outcome: str, reason: Reason | None = None) -> None:
    """Count what a step of a rotation did.

    Args:
        outcome: of the step; those that neither begin nor end a rotation aren't counted.
        reason: of a refusal, which is counted by it and as a whole.
    """
    name = OF_ROTATIONS.get(outcome)
    if name and reason:
        _put({name: 1}, {"Reason": reason.value}, sets=[["Reason"], []])
    elif name:
        _put({name: 1})


def count_flip(outcome: str) -> None:
    """Count what became of a flip; outcomes that are none of one aren't counted."""
    if outcome in OF_FLIPS:
        _put({OF_FLIPS[outcome]: 1})


def tell_overdue(secrets: int) -> None:
    """Tell how many secrets are overdue, also that none is: the alarm ends with it."""
    _put({OVERDUE: secrets})


def tell_ages(ages: Mapping[ServiceUser, float], *, each: bool) -> None:
    """Tell how old passwords are, in days: the oldest of each colour and of all; 0 without any,
    since the alarm would go on ringing for the last one.

    Args:
        ages: in days, by user, of every password of the platform.
        each: whether every service's are told too. Of a platform's services that is the most
            expensive thing here: two metrics each, paid for in the hours in which they are told.
    """
    for colour in sorted({user.colour for user in ages}):
        oldest = max(age for user, age in ages.items() if user.colour == colour)
        _put({AGE: _rounded(oldest)}, {"User": colour}, sets=[["User"], []])
    if not ages:
        _put({AGE: 0})
    for user, age in ages.items() if each else ():
        _put({AGE: _rounded(age)}, {"Service": user.service, "User": user.colour})


def _rounded(days: float) -> float:
    return round(days, 5)  # to a second


def _put(
    values: Mapping[str, float],
    dimensions: metrics.Dimensions = metrics.NONE,
    sets: list[list[str]] | None = None,
) -> None:
    platform = os.environ.get("PLATFORM")
    if platform:  # it isn't there for the moment in which an update has brought the new code alone
        metrics.put(metrics_namespace(platform), values, dimensions, sets)
