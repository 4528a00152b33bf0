"""Metrics in log lines: CloudWatch's embedded metric format, read as CloudWatch Logs reads it.

A line that isn't of the form makes no metric at all, and nothing tells who wrote it: AWS counts it
in AWS/Logs as EMFValidationErrors.
Source: CloudWatch user guide, "Specification: Embedded metric format", with its JSON schema;
CloudWatch API reference, MetricDatum and Dimension (how long names and values are); PutMetricData
(times from two weeks ago to two hours ahead).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

_MOST_METRICS, _MOST_VALUES, _MOST_DIMENSIONS = 100, 100, 30
_LONGEST_NAME, _LONGEST_VALUE = 255, 1024
_OLDEST, _AHEAD = 14 * 86400, 2 * 3600  # seconds
_OF_DATA = "|".join(
    f"{size}{what}" for what in ("bytes", "bits") for size in ("", "Kilo", "Mega", "Giga", "Tera")
)
_UNIT = re.compile(
    rf"(?:(?:Seconds|Microseconds|Milliseconds|Percent|None)|(?:{_OF_DATA}|Count)(?:/Second)?)",
    re.IGNORECASE,
)


class MalformedMetricError(ValueError):
    """A line wants to be of the format and isn't; its text says why."""


@dataclass(frozen=True)
class Datum:
    """What a line says of one metric.

    Args:
        namespace: of the metric.
        name: of the metric.
        dimensions: values by name; none for a metric without.
        values: one or more.
        unit: such as Count.
        time: in seconds since 1970.
    """

    namespace: str
    name: str
    dimensions: Mapping[str, str]
    values: tuple[float, ...]
    unit: str
    time: float


def read(line: str, now: float) -> list[Datum]:
    """Return the metrics in a line of a log; none in one that isn't of the format.

    Args:
        line: as it was written.
        now: in seconds since 1970.
    Raises:
        MalformedMetricError: it has the member ``_aws``, and something in it is wrong.
    """
    if '"_aws"' not in line:
        return []
    try:
        document = json.loads(line)
    except ValueError:
        return []
    if not isinstance(document, dict) or "_aws" not in document:
        return []
    return list(_data(document, now))


def _data(document: Mapping[str, Any], now: float) -> Iterator[Datum]:
    metadata = _object(document["_aws"], "_aws")
    time = _time(metadata.get("Timestamp"), now)
    for each in _list(metadata.get("CloudWatchMetrics"), "CloudWatchMetrics"):
        directive = _object(each, "a directive")
        namespace = _name(directive.get("Namespace"), "Namespace")
        metrics = _list(directive.get("Metrics"), "Metrics", most=_MOST_METRICS)
        sets = _list(directive.get("Dimensions"), "Dimensions")
        _require(bool(sets), "Dimensions is empty")
        for names in sets:
            dimensions = _dimensions(document, names)
            for metric in metrics:
                definition = _object(metric, "a metric")
                name = _name(definition.get("Name"), "Name")
                yield Datum(
                    namespace,
                    name,
                    dimensions,
                    _values(document, name),
                    _unit(definition.get("Unit", "None")),
                    time,
                )


def _time(given: Any, now: float) -> float:
    _require(isinstance(given, int) and not isinstance(given, bool), "Timestamp is no whole number")
    _require(-_OLDEST <= given / 1000 - now <= _AHEAD, f"Timestamp {given} is too far from now")
    return float(given) / 1000


def _dimensions(document: Mapping[str, Any], names: Any) -> dict[str, str]:
    found = {}
    for name in _list(names, "a set of dimensions", most=_MOST_DIMENSIONS):
        value = document.get(_name(name, "a dimension"))
        _require(isinstance(value, str), f"the dimension {name} has no text")
        text = str(value)
        fits = text.isascii() and bool(text.strip()) and len(text) <= _LONGEST_VALUE
        _require(fits, f"the dimension {name} has no value that CloudWatch takes")
        found[name] = text
    return found


def _values(document: Mapping[str, Any], name: str) -> tuple[float, ...]:
    given = document.get(name)
    values = given if isinstance(given, list) else [given]
    _require(0 < len(values) <= _MOST_VALUES, f"the metric {name} has {len(values)} values")
    for value in values:
        number = isinstance(value, int | float) and not isinstance(value, bool)
        _require(number, f"the metric {name} has no number")
    return tuple(map(float, values))


def _unit(given: Any) -> str:
    _require(isinstance(given, str) and bool(_UNIT.fullmatch(given)), f"no such unit: {given}")
    return str(given)


def _name(given: Any, what: str) -> str:
    _require(isinstance(given, str) and 0 < len(given) <= _LONGEST_NAME, f"{what} is no name")
    return str(given)


def _object(given: Any, what: str) -> Mapping[str, Any]:
    _require(isinstance(given, dict), f"{what} is no object")
    found: Mapping[str, Any] = given
    return found


def _list(given: Any, what: str, *, most: int | None = None) -> list[Any]:
    _require(isinstance(given, list), f"{what} is no array")
    found: list[Any] = given
    _require(most is None or len(found) <= most, f"{what} has more than {most} members")
    return found


def _require(holds: bool, why_not: str) -> None:
    if not holds:
        raise MalformedMetricError(why_not)
