"""What CloudWatch refuses of an alarm on one metric.

Wrong upstream: whatever it is told is an alarm, in templates too, and what it is told of low
samples is forgotten.
Source: CloudWatch API reference, PutMetricAlarm (botocore's model has the same words and lengths):
either Statistic or ExtendedStatistic, periods, evaluation over a day, or seven for periods of an
hour and more. The words of the refusals are ours.
Last needed: ministack 1.5.33.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from ministack.services import cloudwatch

from local_aws.mending import Layer, Mending

_SHORT_PERIODS = (10, 20, 30)
_MINUTE, _HOUR, _DAY = 60, 3600, 86_400
_LONGEST = {"AlarmName": 255, "AlarmDescription": 1024}
_VALUES = {
    "Statistic": ("SampleCount", "Average", "Sum", "Minimum", "Maximum"),
    "EvaluateLowSampleCountPercentile": ("evaluate", "ignore"),
    "TreatMissingData": ("breaching", "notBreaching", "ignore", "missing"),
}
# p90, tm90 and so on, IQM, PR(n:m), TC(X%:X%) and so on
_EXTENDED = re.compile(
    r"(p|tm|tc|ts|wm)(100|[0-9]{1,2}(\.[0-9]{1,10})?)|IQM|(PR|TC|TM|TS|WM)\([0-9.%]*:[0-9.%]*\)"
)

Alarm = Mapping[str, Any]


def install(mending: Mending) -> None:
    """Refuse it, of calls and of templates."""
    mending.around(cloudwatch, "_put_metric_alarm", _put_metric_alarm, layer=Layer.VALIDATION)
    for operation in ("create", "update"):
        mending.handler("AWS::CloudWatch::Alarm", operation, _provision, Layer.VALIDATION)


def problems(alarm: Alarm) -> Iterator[str]:
    """Yield why PutMetricAlarm refuses an alarm.

    Args:
        alarm: its members as they are given; numbers may be texts.
    """
    for name, most in _LONGEST.items():
        if len(str(alarm.get(name) or "")) > most:
            yield f"{name} has more than {most} characters."
    for name, allowed in _VALUES.items():
        if alarm.get(name) and alarm[name] not in allowed:
            yield f"{name} is {alarm[name]}. It is one of {', '.join(allowed)}."
    if alarm.get("MetricName"):
        yield from _statistic(alarm)
        yield from _periods(alarm)


def _statistic(alarm: Alarm) -> Iterator[str]:
    extended = alarm.get("ExtendedStatistic")
    if bool(extended) == bool(alarm.get("Statistic")):
        yield "An alarm on a metric has either Statistic or ExtendedStatistic."
    if extended and not _EXTENDED.fullmatch(str(extended)):
        yield f"ExtendedStatistic is {extended}. It is such as p95."
    if alarm.get("EvaluateLowSampleCountPercentile") and not str(extended or "").startswith("p"):
        yield "EvaluateLowSampleCountPercentile is for percentiles."


def _periods(alarm: Alarm) -> Iterator[str]:
    period, periods = int(alarm.get("Period") or 0), int(alarm.get("EvaluationPeriods") or 0)
    if period not in _SHORT_PERIODS and (period < _MINUTE or period % _MINUTE):
        yield f"Period is {period}. It is 10, 20, 30, or a multiple of 60."
    if periods < 1:
        yield f"EvaluationPeriods is {periods}. It is 1 at least."
    longest = _DAY if period < _HOUR else 7 * _DAY
    if period * periods > longest:
        yield f"Period times EvaluationPeriods is {period * periods} seconds, more than {longest}."
    if not 1 <= int(alarm.get("DatapointsToAlarm") or 1) <= max(periods, 1):
        yield "DatapointsToAlarm is from 1 to EvaluationPeriods."


def _put_metric_alarm(
    upstream: Any, parameters: Any, decoded: Any, is_cbor: bool, is_json: bool = False
) -> Any:
    given = decoded if is_cbor or is_json else {name: it[0] for name, it in parameters.items()}
    for problem in problems(given):
        return cloudwatch._error(
            "ValidationError", problem, 400, use_json=is_json, use_cbor=is_cbor
        )
    answer = upstream(parameters, decoded, is_cbor, is_json)
    _keep(str(given.get("AlarmName")), given)
    return answer


def _provision(upstream: Any, *arguments: Any, **more: Any) -> Any:
    """Refuse a template's alarm; the properties are the last map that a handler is given."""
    properties = [it for it in arguments if isinstance(it, dict)][-1]
    for problem in problems(properties):
        raise ValueError(
            f"{problem} (Service: CloudWatch, Status Code: 400, Error Code: ValidationError)"
        )
    made = upstream(*arguments, **more)
    _keep(made[0], properties)
    return made


def _keep(name: str, given: Alarm) -> None:
    """Keep what upstream forgets of an alarm."""
    alarm = cloudwatch._alarms.get(name)
    if alarm is not None:
        member = "EvaluateLowSampleCountPercentile"
        alarm[member] = given.get(member)
