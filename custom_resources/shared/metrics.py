"""Metrics by way of the log: CloudWatch makes them of lines in its embedded metric format.

So a function needs no right and no call for them.

Source: CloudWatch user guide, "Specification: Embedded metric format".
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from custom_resources.shared import log

Dimensions = Mapping[str, str]
NONE: Dimensions = MappingProxyType({})


def put(
    namespace: str,
    values: Mapping[str, float],
    dimensions: Dimensions = NONE,
    sets: Sequence[Sequence[str]] | None = None,
) -> None:
    """Log values of metrics. They come to CloudWatch at least once, a moment later.

    Args:
        namespace: of the metrics.
        values: by the metrics' names.
        dimensions: values by name; each other value is another metric, which is paid for.
        sets: names of the dimensions under which each value is told; all of them at once if it
            isn't given. An empty set is a metric without dimensions.
    """
    log.measure(line(namespace, values, dimensions, sets, int(time.time() * 1000)))


def line(
    namespace: str,
    values: Mapping[str, float],
    dimensions: Dimensions,
    sets: Sequence[Sequence[str]] | None,
    now: int,
) -> str:
    """The line that is logged. Its units are None: no metric here is one of bytes or seconds.

    Args:
        namespace: as for `put`, like the others.
        values: by the metrics' names.
        dimensions: values by name.
        sets: names of dimensions.
        now: in milliseconds since 1970.
    """
    directive = {
        "Namespace": namespace,
        "Dimensions": [list(dimensions)] if sets is None else [list(it) for it in sets],
        "Metrics": [{"Name": name} for name in values],
    }
    metadata = {"Timestamp": now, "CloudWatchMetrics": [directive]}
    return json.dumps({"_aws": metadata, **dimensions, **values})
