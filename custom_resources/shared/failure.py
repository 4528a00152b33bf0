"""The one error that a user of a custom resource gets to see."""

from __future__ import annotations


class Failure(Exception):  # noqa: N818 - the word CloudFormation has for it
    """What happened and what to do, fit for a CloudFormation event.

    Args:
        happened: one sentence with the names and values concerned, never a secret.
        remedy: one sentence saying what the user can do.
    """

    def __init__(self, happened: str, remedy: str) -> None:
        super().__init__(f"{happened} {remedy}")
