"""What a release stops for."""


class ReleaseError(Exception):
    """A release can't be made; says what happened and what to do."""
