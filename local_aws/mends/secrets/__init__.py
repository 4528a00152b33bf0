"""Secrets Manager, its rotations, and Parameter Store."""
