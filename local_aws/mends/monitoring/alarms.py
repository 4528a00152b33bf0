"""Alarms on what is measured here: functions, queues, numbers of tasks, lines of logs.

Wrong upstream: an alarm takes the data of all dimensions together, knows one period only, forgets
TreatMissingData, percentiles and what low samples do to them, and is looked at only when somebody
puts metric data; functions that AWS itself calls (by queue, rule, rotation, custom resource), SQS
and ECS have no metrics; metric filters are records. Here alarms are looked at whenever somebody
asks for them. Of a service's CPUUtilization there are the samples, one a minute and running task,
and not their values. Alarms on what isn't measured, and on metric math, stay INSUFFICIENT_DATA.
Source: CloudWatch user guide, "Using Amazon CloudWatch alarms" and "Percentile-based alarms and low
data samples"; SQS developer guide, "Available CloudWatch metrics for Amazon SQS"; CloudWatch Logs
user guide, "Filter pattern syntax"; ECS developer guide, "Amazon ECS CloudWatch metrics". How a
percentile is found between two samples is not said: here it is the smallest that so many percent
don't exceed.
Last needed: ministack 1.5.33.
"""

from __future__ import annotations

import math
import operator
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from datetime import datetime
from typing import Any

from ministack.services import cloudwatch, cloudwatch_logs, ecs, lambda_svc, sqs

from local_aws.log_patterns import matcher
from local_aws.mending import Mending

# Messages received more often don't count for the age of the oldest.
_POISONED = 3
_OPERATORS = {
    "GreaterThanOrEqualToThreshold": operator.ge,
    "GreaterThanThreshold": operator.gt,
    "LessThanOrEqualToThreshold": operator.le,
    "LessThanThreshold": operator.lt,
}

Alarm = dict[str, Any]
Sample = tuple[float, float]  # time, value
Tasks = dict[tuple[str, str], list[dict[str, Any]]]  # by cluster and group

_tasks: ContextVar[Tasks | None] = ContextVar("tasks", default=None)


def install(mending: Mending) -> None:
    """Install the mends of this room."""
    mending.around(lambda_svc, "_execute_function", _execute_function)
    mending.around(lambda_svc, "_emit_lambda_metrics", _emit_once)
    mending.put(cloudwatch, "_evaluate_alarm", _evaluate)
    mending.around(cloudwatch, "_describe_alarms", _describe_alarms)


def _describe_alarms(upstream: Any, *arguments: Any) -> Any:
    evaluate()
    return upstream(*arguments)


def evaluate() -> None:
    """Bring all alarms up to what is measured."""
    _measure_queues()
    token = _tasks.set(_by_service())  # once for all alarms, of which there may be thousands
    try:
        cloudwatch._evaluate_all_alarms()
    finally:
        _tasks.reset(token)


def _evaluate(alarm: Alarm) -> None:
    compare = _OPERATORS.get(alarm.get("ComparisonOperator", ""))
    if compare is None or not _is_measured(alarm):
        return
    now = time.time()
    samples = [*_samples(alarm), *_task_samples(alarm, now)]
    period, periods = int(alarm["Period"]), int(alarm["EvaluationPeriods"])
    if _are_too_few(alarm, sum(now - period * periods < at <= now for at, _ in samples)):
        return
    measured = [
        [value for at, value in samples if end - period < at <= end]
        for end in (now - number * period for number in range(periods))
    ]
    if alarm.get("TreatMissingData") == "ignore" and not any(measured):
        return  # it stays as it is
    breaching = sum(_breaches(alarm, values, compare) for values in measured)
    needed = int(alarm.get("DatapointsToAlarm") or periods)
    _set(alarm, "ALARM" if breaching >= needed else "OK", f"{breaching} of {periods} periods")


def _are_too_few(alarm: Alarm, count: int) -> bool:
    """Say whether an alarm keeps its state, since it doesn't look at so few samples."""
    percent = _percent(alarm)
    if percent is None or alarm.get("EvaluateLowSampleCountPercentile") != "ignore":
        return False
    share = percent / 100
    return count < 10 / (1 - share if share >= 0.5 else share)  # noqa: PLR2004 - AWS's formula


def _percent(alarm: Alarm) -> float | None:
    extended = str(alarm.get("ExtendedStatistic") or "")
    return float(extended[1:]) if extended.startswith("p") else None


def _is_measured(alarm: Alarm) -> bool:
    namespace = str(alarm.get("Namespace") or "")
    if _counts_tasks(alarm):
        return True
    return bool(namespace) and (
        namespace in ("AWS/Lambda", "AWS/SQS") or not namespace.startswith("AWS/")
    )


def _breaches(alarm: Alarm, values: list[float], compare: Callable[[float, float], bool]) -> bool:
    if not values:
        return bool(alarm.get("TreatMissingData") == "breaching")
    statistics = {
        "Sum": sum(values),
        "Maximum": max(values),
        "Minimum": min(values),
        "SampleCount": len(values),
    }
    percent = _percent(alarm)
    value = statistics.get(str(alarm.get("Statistic")), sum(values) / len(values))
    if percent is not None:
        value = sorted(values)[max(0, math.ceil(percent / 100 * len(values)) - 1)]
    return compare(value, float(alarm["Threshold"]))


def _set(alarm: Alarm, state: str, reason: str) -> None:
    before = alarm["StateValue"]
    if before == state:
        return
    alarm.update(StateValue=state, StateReason=reason, StateUpdatedTimestamp=int(time.time()))
    cloudwatch._record_history(alarm["AlarmName"], before, state, reason)
    cloudwatch._dispatch_alarm_actions(alarm, before, state, reason)


def _samples(alarm: Alarm) -> Iterator[Sample]:
    wanted = {it["Name"]: it["Value"] for it in alarm.get("Dimensions") or []}
    metric = (alarm["Namespace"], alarm["MetricName"])
    for key, points in list(cloudwatch._metrics.items()):
        for point in list(points) if key[:2] == metric else ():
            if point.get("Dimensions", {}) == wanted:
                yield point["Timestamp"], point.get("Value", 0.0)
    for kept in list(cloudwatch_logs._metric_filters.values()):
        for made in kept["metricTransformations"]:
            if (made.get("metricNamespace"), made.get("metricName")) == metric:
                yield from _found(kept, float(made.get("metricValue") or 1))


def _counts_tasks(alarm: Alarm) -> bool:
    of = (alarm.get("Namespace"), alarm.get("MetricName"), alarm.get("Statistic"))
    return of == ("AWS/ECS", "CPUUtilization", "SampleCount")


def _task_samples(alarm: Alarm, now: float) -> Iterator[Sample]:
    """Yield a sample for each minute of each task of a service, as far back as an alarm looks."""
    if not _counts_tasks(alarm):
        return
    wanted = {it["Name"]: it["Value"] for it in alarm.get("Dimensions") or []}
    service = f"{wanted.get('ClusterName')}", f"service:{wanted.get('ServiceName')}"
    minutes = int(alarm["Period"]) * int(alarm["EvaluationPeriods"]) // 60
    tasks = _tasks.get()
    for task in (_by_service() if tasks is None else tasks).get(service, ()):
        begin = _moment(task.get("startedAt"))
        end = _moment(task.get("stoppingAt") or task.get("stoppedAt"))
        for moment in (now - number * 60 for number in range(minutes)):
            if begin is not None and begin <= moment and (end is None or moment < end):
                yield moment, 0.0


def _by_service() -> Tasks:
    found: Tasks = defaultdict(list)
    for task in list(ecs._tasks.values()):
        found[str(task.get("clusterArn")).rpartition("/")[2], str(task.get("group"))].append(task)
    return found


def _moment(value: Any) -> float | None:
    """Return when something happened, None if it hasn't."""
    if isinstance(value, str) and value:
        return datetime.fromisoformat(value).timestamp()
    return float(value) if value else None


def _found(kept: dict[str, Any], value: float) -> Iterator[Sample]:
    matches = matcher(kept["filterPattern"])
    group = cloudwatch_logs._log_groups.get(kept["logGroupName"]) or {"streams": {}}
    for stream in list(group["streams"].values()):
        for event in list(stream["events"]):
            if event["timestamp"] >= kept["creationTime"] and matches(event["message"]):
                yield event["timestamp"] / 1000, value


def _execute_function(
    upstream: Any, function: dict[str, Any], event: dict[str, Any]
) -> dict[str, Any]:
    begin = time.monotonic()
    result: dict[str, Any] = upstream(function, event)
    if not result.get("throttle"):
        name = (function.get("config") or function)["FunctionName"]
        milliseconds = (time.monotonic() - begin) * 1000
        error = bool(result.get("error"))
        lambda_svc._emit_lambda_metrics(name, milliseconds, error=error, throttle=False, own=True)
    return result


def _emit_once(
    upstream: Any, name: str, duration_ms: float, *, error: bool, throttle: bool, own: bool = False
) -> None:
    # upstream calls it for direct invocations, which are measured above like all others
    if throttle or own:
        upstream(name, duration_ms, error=error, throttle=throttle)


def _measure_queues() -> None:
    now = time.time()
    for queue in list(sqs._queues.values()):
        messages = list(queue["messages"])
        counted = [it["sent_at"] for it in messages if it["receive_count"] <= _POISONED]
        gauges = {
            "ApproximateNumberOfMessagesVisible": sum(it["visible_at"] <= now for it in messages),
            "ApproximateNumberOfMessagesNotVisible": sum(it["visible_at"] > now for it in messages),
            "ApproximateAgeOfOldestMessage": now - min(counted, default=now),
        }
        name = queue["attributes"]["QueueArn"].rsplit(":", 1)[-1]
        for metric, value in gauges.items():
            cloudwatch.record_metric("AWS/SQS", metric, value, dimensions={"QueueName": name})
