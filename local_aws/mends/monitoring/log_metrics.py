"""Metrics that come of log lines in the embedded metric format.

Wrong upstream: they are lines like any other. Here, as on AWS, they are read as they arrive, from
whichever log group; what isn't of the form makes no metric, and is told in the server's own log.
Source: CloudWatch user guide, "Specification: Embedded metric format".
Last needed: ministack 1.5.33.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from typing import Any

from ministack.services import cloudwatch, cloudwatch_logs

from local_aws.embedded_metrics import MalformedMetricError, read
from local_aws.mending import Mending

_log = logging.getLogger("local_aws.log_metrics")


def install(mending: Mending) -> None:
    """Install the mend."""
    mending.around(cloudwatch_logs, "_append_log_events", _append_log_events)


def _append_log_events(
    upstream: Any, stream: dict[str, Any], events: Sequence[dict[str, Any]]
) -> None:
    upstream(stream, events)
    for event in events:
        try:
            data = read(str(event["message"]), time.time())
        except MalformedMetricError as error:
            _log.warning("a line with _aws makes no metric: %s", error)
            continue
        for it in data:
            dimensions = dict(it.dimensions)
            key = (it.namespace, it.name, cloudwatch._dims_key(dimensions))
            cloudwatch._metric_bucket(key).extend(
                {"Timestamp": it.time, "Unit": it.unit, "Dimensions": dimensions, "Value": value}
                for value in it.values
            )
