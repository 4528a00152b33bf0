"""Moments to the millisecond.

Wrong upstream: its answers cut them to whole seconds, so that what began within one second can't be
put in order.
Source: AWS CLI reference, the example of list-service-deployments ("createdAt":
"2024-10-31T08:03:30.917000-04:00").
Last needed: ministack 1.5.33.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from ministack.services import ecs

from local_aws.mending import Mending


def install(mending: Mending) -> None:
    """Tell them whole."""
    mending.put(ecs, "_ts_to_epoch", _seconds)


def _seconds(moment: Any) -> Any:
    """Return an ISO moment as seconds since 1970; anything else as it is, as upstream does."""
    if not isinstance(moment, str):
        return moment
    try:
        return datetime.fromisoformat(moment).timestamp()
    except ValueError:
        return moment
