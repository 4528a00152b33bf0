"""Dashboards that CloudWatch takes.

Wrong upstream: any text is a dashboard. On AWS a body that isn't one is refused, with the place.
Source: CloudWatch API reference, PutDashboard and DashboardValidationMessage (dataPath, message;
botocore's model); user guide, "Dashboard body structure and syntax", whose rules on types, places,
sizes and what a widget must have are checked. The sentence around the messages is as quoted in
public threads, the messages are ours. A dashboard is the account's on AWS, in all regions; here it
is its region's, as upstream keeps it.
Last needed: ministack 1.5.33.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from ministack.services import cloudwatch

from local_aws.mending import Layer, Mending

_NAME = re.compile(r"[A-Za-z0-9_-]{1,255}")
_TYPES = ("alarm", "chart", "custom", "explorer", "log", "metric", "text")
_MOST_WIDGETS, _MOST_METRICS, _MOST_ALARMS = 500, 500, 100
# Member of a widget -> its least and greatest value.
_PLACE = {"x": (0, 23), "y": (0, None), "width": (1, 24), "height": (1, 1000)}
_STATISTIC = re.compile(
    r"SampleCount|Average|Sum|Minimum|Maximum|IQM|(p|tm|tc|ts|wm)[0-9.]+|(PR|TC|TM|TS|WM)\(.*\)"
)

Problem = tuple[str, str]  # dataPath, message


def install(mending: Mending) -> None:
    """Refuse others, of calls and of templates."""
    mending.around(cloudwatch, "_put_dashboard", _put_dashboard, layer=Layer.VALIDATION)
    for operation in ("create", "update"):
        mending.handler("AWS::CloudWatch::Dashboard", operation, _provision, Layer.VALIDATION)


def refusal(name: str, text: str) -> str | None:
    """Return what PutDashboard says of a dashboard that it doesn't take, or None."""
    if not _NAME.fullmatch(name):
        return f"The dashboard's name {name} isn't 1 to 255 letters, digits, hyphens, underscores."
    try:
        body = json.loads(text)
    except ValueError:
        found = [("", "The field DashboardBody must be a valid JSON object")]
    else:
        found = [*problems(body)]
    if not found:
        return None
    told = json.dumps([{"dataPath": path, "message": message} for path, message in found])
    return f"The dashboard body is invalid, there are {len(found)} validation errors: {told}"


def problems(body: Any) -> Iterator[Problem]:
    """Yield what is wrong with a dashboard's body."""
    widgets = body.get("widgets") if isinstance(body, dict) else None
    if not isinstance(widgets, list):
        yield "", "Should have the array widgets"
        return
    if len(widgets) > _MOST_WIDGETS:
        yield "/widgets", f"Should have {_MOST_WIDGETS} items at most"
    for number, widget in enumerate(widgets):
        yield from _widget(f"/widgets/{number}", widget)


def _widget(path: str, widget: Any) -> Iterator[Problem]:
    properties = widget.get("properties") if isinstance(widget, dict) else None
    if not isinstance(properties, dict):
        yield path, "Should have required property 'properties'"
        return
    kind = widget.get("type")
    if kind not in _TYPES:
        yield f"{path}/type", f"Should be one of {', '.join(_TYPES)}"
    if ("x" in widget) != ("y" in widget):
        yield path, "Should have both x and y, or none"
    for name, (least, most) in _PLACE.items():
        value = widget.get(name, least)
        if not isinstance(value, int) or value < least or (most is not None and value > most):
            yield f"{path}/{name}", f"Should be a whole number from {least} on"
    rules = {"metric": _metric_widget, "alarm": _alarm_widget, "text": _text_widget}
    if kind in rules:
        yield from rules[kind](f"{path}/properties", properties)


def _text_widget(path: str, properties: dict[str, Any]) -> Iterator[Problem]:
    if not isinstance(properties.get("markdown"), str):
        yield path, "Should have required property 'markdown'"


def _alarm_widget(path: str, properties: dict[str, Any]) -> Iterator[Problem]:
    alarms = properties.get("alarms")
    if not isinstance(alarms, list) or not 1 <= len(alarms) <= _MOST_ALARMS:
        yield f"{path}/alarms", f"Should have 1 to {_MOST_ALARMS} items"
        return
    for number, arn in enumerate(alarms):
        if not re.fullmatch(r"arn:aws[a-z-]*:cloudwatch:[^:]+:[0-9]{12}:alarm:.+", str(arn)):
            yield f"{path}/alarms/{number}", "Should be the ARN of an alarm"


def _metric_widget(path: str, properties: dict[str, Any]) -> Iterator[Problem]:
    if not isinstance(properties.get("region"), str):
        yield path, "Should have required property 'region'"
    yield from _drawn(path, properties)
    metrics = properties.get("metrics")
    if metrics is None and "annotations" in properties:
        return
    if not isinstance(metrics, list) or not 1 <= len(metrics) <= _MOST_METRICS:
        yield f"{path}/metrics", f"Should have 1 to {_MOST_METRICS} items"
        return
    above: list[str] = []
    for number, metric in enumerate(metrics):
        place = f"{path}/metrics/{number}"
        if not isinstance(metric, list) or not metric:
            yield place, "Should be an array"
            continue
        options = metric[-1] if isinstance(metric[-1], dict) else {}
        written = metric[:-1] if options or metric[-1] == {} else metric
        names = _written_out(written, above)
        if names is None:
            yield place, "Should stand for what the metric above it has there"
            continue
        if len(names) % 2 or (not names and "expression" not in options):
            yield place, "Should have a namespace, a metric, and names and values of dimensions"
        yield from _drawn(place, options)
        above = names or above


def _written_out(written: list[Any], above: list[str]) -> list[str] | None:
    """Return a metric without "." and "...", None if nothing above it is there for them."""
    if written[:1] == ["..."]:  # what follows takes the place of the last ones
        rest = written[1:]
        return [*above[: len(above) - len(rest)], *rest] if above else None
    found: list[str] = []
    for at, it in enumerate(written):
        if it == "." and at >= len(above):
            return None
        found.append(above[at] if it == "." else it)
    return found if all(isinstance(it, str) for it in found) else None


def _drawn(path: str, options: dict[str, Any]) -> Iterator[Problem]:
    statistic, period = options.get("stat", "Average"), options.get("period", 300)
    if not isinstance(statistic, str) or not _STATISTIC.fullmatch(statistic):
        yield f"{path}/stat", "Should be a statistic"
    if not isinstance(period, int) or period < 1:
        yield f"{path}/period", "Should be a number of seconds"


def _put_dashboard(
    upstream: Any, parameters: Any, decoded: Any, is_cbor: bool, is_json: bool = False
) -> Any:
    given = decoded if is_cbor or is_json else {name: it[0] for name, it in parameters.items()}
    told = refusal(given.get("DashboardName", ""), given.get("DashboardBody", ""))
    if told:
        return cloudwatch._error(
            "InvalidParameterInput", told, 400, use_json=is_json, use_cbor=is_cbor
        )
    return upstream(parameters, decoded, is_cbor, is_json)


def _provision(upstream: Any, *arguments: Any, **more: Any) -> Any:
    """Refuse a template's dashboard; the properties are the last map that a handler is given."""
    properties = [it for it in arguments if isinstance(it, dict)][-1]
    name, body = properties.get("DashboardName", "made"), properties.get("DashboardBody")
    told = refusal(str(name), body if isinstance(body, str) else "")
    if told:
        raise ValueError(
            f"{told} (Service: CloudWatch, Status Code: 400, Error Code: InvalidParameterInput)"
        )
    return upstream(*arguments, **more)
