"""The outcomes that rotate and activate write into their logs, for whoever reads those."""

from __future__ import annotations

from enum import Enum

# What a function raises for: Secrets Manager, or the queue, tries it again.
REFUSED, FAILED, ROLLED_BACK = "refused", "failed", "rolled-back"


class Move(Enum):
    """What activate does about a rotated user."""

    BEGIN = "flip begun"
    WAIT = "waiting"
    LATER = "left to the daily sweep"
    ACTIVE = "active"
    DROP = "dropped"
    LABEL = "labelled"
    IGNORE = "ignored"
