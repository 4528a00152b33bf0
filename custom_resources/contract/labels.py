"""The staging labels of a secret's versions, and what they say of its rotations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

CURRENT, PENDING, PREVIOUS = STAGES = ("AWSCURRENT", "AWSPENDING", "AWSPREVIOUS")
# Our own: it moves when a rotation is finished, and its event means just that.
ROTATED = "ROTATED"

Labels = Mapping[str, Sequence[str]]  # by version, as DescribeSecret's VersionIdsToStages


def holder(labels: Labels, label: str) -> str:
    """The version that has a label; empty if none has it."""
    return next((version for version, own in labels.items() if label in own), "")


def unfinished(labels: Labels) -> str:
    """The version of a rotation that was begun and isn't finished; empty if there is none.

    A rotation's version has AWSPENDING too until Secrets Manager notes the rotation's end.
    """
    version = holder(labels, PENDING)
    return "" if version == holder(labels, CURRENT) else version


def is_rotated_to(labels: Labels, version: str) -> bool:
    """Whether the rotation to a version is finished."""
    return {CURRENT, ROTATED} <= set(labels.get(version, ()))
