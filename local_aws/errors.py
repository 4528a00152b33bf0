"""The error that the local AWS reports to its user."""


class LocalAwsError(Exception):
    """Something the user can act on: one sentence what happened, one what to do."""
