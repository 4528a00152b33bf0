"""The outcomes that rotate and activate write into their logs, for whoever reads those."""

from __future__ import annotations

from enum import Enum

# What a function raises for: Secrets Manager, or the queue, tries it again.
REFUSED, FAILED, ROLLED_BACK = "refused", "failed", "rolled-back"
# What rotate did in the first of a rotation's steps, and in the last.
CREATED, FINISHED = "created", "finished"


class Reason(Enum):
    """What keeps a user from being rotated; the metric RotationsRefused has a dimension of it."""

    PAUSED = "paused"
    NO_ACTIVE_USER = "no active user"
    ACTIVE_USER = "active user"
    STACK = "stack"
    DEPLOYMENT = "deployment"
    TASK = "task"
    SETTLING = "settling"
    SESSION = "session"


class Move(Enum):
    """What activate does about a rotated user."""

    BEGIN = "flip begun"
    WAIT = "waiting"
    LATER = "left to the daily sweep"
    ACTIVE = "active"
    DROP = "dropped"
    LABEL = "labelled"
    IGNORE = "ignored"
