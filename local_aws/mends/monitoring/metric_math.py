"""Alarms on metric math in templates.

Wrong upstream: a template with one is refused. Here it is kept and shown, and refused where
PutMetricAlarm refuses it; nothing is computed, so that it stays INSUFFICIENT_DATA, as alarms do on
what isn't measured here.
Source: CloudWatch API reference, PutMetricAlarm (Metrics instead of MetricName and its like) and
MetricDataQuery (ids, ten of a kind, one that returns data); user guide, "Using metric math".
Last needed: ministack 1.5.33.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ministack.services.cloudformation import provisioners

from local_aws.mending import Mending

_INSTEAD = (
    *("MetricName", "Namespace", "Dimensions", "Period", "Unit", "Statistic"),
    "ExtendedStatistic",
)
_MOST = 10  # of expressions, and of metrics
_ID = re.compile(r"[a-z][A-Za-z0-9_]{0,254}")
_FUNCTION_OR_TEXT = re.compile(r"'[^']*'|\"[^\"]*\"|[A-Z][A-Z_0-9]*\s*\(")

Properties = Mapping[str, Any]


def install(mending: Mending) -> None:
    """Install the mend."""
    mending.around(provisioners, "_cw_metric_alarm_record", _record)


def _record(upstream: Any, name: str, properties: Properties) -> dict[str, Any]:
    queries = properties.get("Metrics")
    if not queries:
        record: dict[str, Any] = upstream(name, properties)
        return record
    problem = next(_problems(properties, queries), None)
    if problem:
        raise ValueError(problem)
    others = {key: value for key, value in properties.items() if key != "Metrics"}
    record = upstream(name, others | {"MetricName": "math", "Namespace": "math"})
    for key in _INSTEAD:
        record.pop(key, None)
    return record | {"Metrics": queries}


def _problems(properties: Properties, queries: Sequence[Properties]) -> Iterator[str]:
    both = [key for key in _INSTEAD if key in properties]
    if both:
        yield f"Metrics and {', '.join(both)} may not be specified together."
    ids = [str(it.get("Id", "")) for it in queries]
    if len(set(ids)) < len(ids) or not all(_ID.fullmatch(it) for it in ids):
        yield f"The ids of Metrics must differ, and begin with a small letter: {', '.join(ids)}"
    expressions = [it for it in queries if "Expression" in it]
    metrics = [it for it in queries if "MetricStat" in it]
    if len(expressions) + len(metrics) != len(queries):
        yield "Each of Metrics has either Expression or MetricStat."
    if max(len(expressions), len(metrics)) > _MOST:
        yield f"Metrics has more than {_MOST} expressions or more than {_MOST} metrics."
    if len([it for it in queries if _returns(it)]) != 1:
        yield "One of Metrics, and one alone, has ReturnData true."
    for it in expressions:
        words = re.findall(r"[a-z]\w*", _FUNCTION_OR_TEXT.sub(" ", str(it["Expression"])))
        unknown = sorted(set(words) - set(ids))
        if unknown:
            yield f"The expression of {it['Id']} names {', '.join(unknown)}, which Metrics hasn't."


def _returns(query: Properties) -> bool:
    return str(query.get("ReturnData", True)).lower() != "false"
