"""Rotation of a service's two database users: `rotate` changes the idle one's password, `activate`
moves the service to it. Here is what both know."""

from __future__ import annotations

import os


def is_paused() -> bool:
    """Whether the platform's pause switch is on (the environment's ROTATION_PAUSED)."""
    return os.environ.get("ROTATION_PAUSED", "false") == "true"
