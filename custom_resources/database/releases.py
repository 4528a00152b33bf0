"""Which releases of PostgreSQL will do. No calls."""

from __future__ import annotations

from custom_resources.shared.failure import Failure

_FIRST_MINORS = {15: 10, 16: 6, 17: 2}


def check_release(server_version: int) -> None:
    """Refuse a release that forgets the default role of a user.

    There, what a user creates after DISCARD ALL, which pools of connections send, is its own, and
    denied to the other user after the next flip. The options SET and INHERIT of a membership are
    there from 16.0 on, and need no later minor version.

    Args:
        server_version: as PostgreSQL counts: 170002 is 17.2.
    Raises:
        Failure: naming the version, and the first that will do.

    Source: PostgreSQL release notes, 17.2, 16.6 and 15.10 (ALTER ROLE ... SET role works again).
    """
    major, minor = divmod(server_version, 10_000)
    oldest = min(_FIRST_MINORS)
    if major < oldest:
        raise Failure(
            f"The cluster runs PostgreSQL {major}.{minor}.",
            f"Upgrade it to {oldest}.{_FIRST_MINORS[oldest]} or later, then deploy again.",
        )
    needed = _FIRST_MINORS.get(major, 0)
    if minor < needed:
        raise Failure(
            f"The cluster runs PostgreSQL {major}.{minor}, which ignores or forgets the default "
            "role of a user.",
            f"Upgrade it to {major}.{needed} or later (EngineVersion of the rds stack, "
            "rds_engine_version), then deploy again.",
        )
