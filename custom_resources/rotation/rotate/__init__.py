"""Secrets Manager's rotation function: a new password for the user that no task logs in with."""
