"""FilterLogEvents as its model has it, and filter patterns.

Wrong upstream: no pages, no newest first, no prefix of streams' names; a phrase is taken for its
words, JSON's patterns for every line, letters of either case for the same; and nothing is refused.
Source: botocore's model of FilterLogEvents; CloudWatch Logs user guide, "Filter pattern syntax".
Last needed: ministack 1.5.33.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ministack.core.responses import error_response_json, json_response, new_uuid
from ministack.services import cloudwatch_logs

from local_aws.log_patterns import MalformedPatternError, matcher
from local_aws.mending import Layer, Mending

_MOST = 10_000  # events of a page
_SIZE = 1_048_576  # bytes of a page
_NEWEST_FIRST_FROM = 1_704_067_200_000  # 2024-01-01

Event = dict[str, Any]


def install(mending: Mending) -> None:
    """Install the mends of this room."""
    mending.put(cloudwatch_logs, "_filter_log_events", _filter_log_events)
    validation = Layer.VALIDATION
    mending.around(cloudwatch_logs, "_put_metric_filter", _put_metric_filter, layer=validation)


def _put_metric_filter(upstream: Any, data: dict[str, Any]) -> Any:
    wrong = _wrong_pattern(data)
    return error_response_json("InvalidParameterException", wrong, 400) if wrong else upstream(data)


def _filter_log_events(data: dict[str, Any]) -> Any:
    name = cloudwatch_logs._resolve_log_group_name(data)
    group = cloudwatch_logs._log_groups.get(name)
    if group is None:
        return error_response_json(
            "ResourceNotFoundException", "The specified log group does not exist.", 400
        )
    start, token = int(data.get("startTime", 0)), str(data.get("nextToken", ""))
    backwards = token[:1] == "b" if token else data.get("startFromHead") is False
    wrong = _wrong(data, start, backwards=backwards)
    if wrong:
        return error_response_json("InvalidParameterException", wrong, 400)
    fits = matcher(str(data.get("filterPattern", "")))
    found = sorted(  # of one moment in the order of their arrival, which is that of the streams
        (it for it in _events(group, data) if it["timestamp"] >= start and fits(it["message"])),
        key=lambda it: (it["timestamp"], it["ingestionTime"]),
    )
    if backwards:
        found.reverse()
    last = token.partition("/")[2]
    begin = next((at for at, it in enumerate(found, 1) if it["eventId"] == last), 0)
    page = list(_page(found[begin:], min(int(data.get("limit", _MOST)), _MOST)))
    answer: dict[str, Any] = {"events": page, "searchedLogStreams": []}
    if begin + len(page) < len(found):
        answer["nextToken"] = f"{'b' if backwards else 'f'}/{page[-1]['eventId']}"
    return json_response(answer)


def _wrong(data: dict[str, Any], start: int, *, backwards: bool) -> str:
    if data.get("logStreamNames") and data.get("logStreamNamePrefix"):
        return "Log stream names and prefix may not be specified together"
    if backwards and start < _NEWEST_FIRST_FROM:
        return "startFromHead can be false only with a startTime on or after 2024-01-01"
    return _wrong_pattern(data)


def _wrong_pattern(data: dict[str, Any]) -> str:
    try:
        matcher(str(data.get("filterPattern", "")))
    except MalformedPatternError as error:
        return f"Invalid filter pattern: {error}"
    return ""


def _events(group: dict[str, Any], data: dict[str, Any]) -> Iterable[Event]:
    names, prefix = data.get("logStreamNames"), data.get("logStreamNamePrefix", "")
    end = data.get("endTime")
    for name, stream in list(group["streams"].items()):
        if name.startswith(prefix) and (not names or name in names):
            for event in list(stream["events"]):
                if end is None or event["timestamp"] <= end:
                    event.setdefault("eventId", new_uuid())  # Lambda's own lines have none
                    yield {**event, "logStreamName": name}


def _page(events: Iterable[Event], most: int) -> Iterable[Event]:
    size = 0
    for number, event in enumerate(events):
        size += len(event["message"].encode()) + 26  # as PutLogEvents counts
        if number and (number == most or size > _SIZE):
            return
        yield event
