"""A template has one order: that of its concerns.

Its concerns are the groups of the console's form. Sections of parameters and resources begin with
a line `# --- CONCERN ---`, which may go on after a colon or a full stop. Whatever a concern has
comes in the same place among the parameters, the conditions and the resources; an alarm stands with
what it watches.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from docs.parameter_changes import deciding
from tests.unit.templates.templates import FOLDER, NAMES, load, walk

ALARM = "AWS::CloudWatch::Alarm"
MOST_LINES = 20  # between an alarm and what it watches, other alarms not counted


@dataclass(frozen=True)
class Entry:
    """A parameter, condition or resource as it stands in the file: its concern and its lines."""

    name: str
    concern: str
    first: int
    last: int


def concerns(template: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return the parameters of each concern, in the order of the console's form."""
    groups = template["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    return {group["Label"]["default"]: list(group["Parameters"]) for group in groups}


def entries(text: str, part: str) -> list[Entry]:
    """Return what a part of a template has, in the file's order.

    Args:
        text: the template.
        part: such as ``Resources``.
    """
    found: list[Entry] = []
    concern, inside = "", False
    for number, line in enumerate(text.splitlines()):
        if re.match(r"\w", line):
            inside = line.startswith(f"{part}:")
        elif inside and (heading := re.match(r"  # --- ([^.:]+?)(?:[.:] .*| ---)$", line)):
            concern = heading[1]
        elif inside and (entry := re.match(r"  (\w+):", line)):
            found.append(Entry(entry[1], concern, number, number))
        elif inside and found and re.match(r"    +\S", line):
            found[-1] = Entry(found[-1].name, found[-1].concern, found[-1].first, number)
    return found


def watched(alarm: Mapping[str, Any], resources: Mapping[str, Any]) -> set[str]:
    """Return the resources of the same template that an alarm looks at.

    By its dimensions, also those of its metric math; without any, by the metric filter that makes
    its metric.
    """
    properties = alarm["Properties"]
    named = {
        str(node if path[-1] == "Ref" else node[0])
        for of in (properties.get("Dimensions", []), properties.get("Metrics", []))
        for path, node in walk(of)
        if path and path[-1] in ("Ref", "Fn::GetAtt")
    }
    filters = {
        key
        for key, it in resources.items()
        for path, node in walk(it)
        if path[-1:] == ("MetricName",) and "MetricTransformations" in path
        if node == properties.get("MetricName")
    }
    return (named or filters) & resources.keys()


def disorder(template: Mapping[str, Any], text: str) -> Iterator[str]:
    """Yield what stands in another place than its concern's."""
    order = list(concerns(template))
    parameters = {it.name: it.concern for it in entries(text, "Parameters")}
    listed = [(name, concern) for concern, names in concerns(template).items() for name in names]
    if listed != list(parameters.items()):
        yield "the parameters aren't those of the groups, in their order and under their headings"
        return
    places = [
        (it.name, max(order.index(parameters[p]) for p in deciding(template, it.name)))
        for it in entries(text, "Conditions")
    ]
    yield from (f"condition {name}" for name in misplaced(places))
    resources = entries(text, "Resources")
    unknown = [it.name for it in resources if it.concern not in order]
    yield from (f"resource {name}: no concern" for name in unknown)
    if not unknown:
        places = [(it.name, order.index(it.concern)) for it in resources]
        yield from (f"resource {name}" for name in misplaced(places))
    for it in resources:
        resource = template["Resources"][it.name]
        deciders = {parameters[name] for name in deciding(template, resource.get("Condition"))}
        # An alarm's condition asks for the topic too.
        if resource["Type"] != ALARM and deciders and it.concern not in deciders:
            yield f"resource {it.name}: none of its condition's parameters is of {it.concern}"


def misplaced(places: list[tuple[str, int]]) -> Iterator[str]:
    """Yield the names whose place comes before that of one above them."""
    reached = 0
    for name, place in places:
        if place < reached:
            yield name
        reached = max(reached, place)


def distances(template: Mapping[str, Any], text: str) -> dict[str, int]:
    """Return the lines between each alarm and what it watches, other alarms not counted.

    An alarm above what it watches is as far away as the file is long.
    """
    resources, entry = template["Resources"], {it.name: it for it in entries(text, "Resources")}
    alarms = {name: it for name, it in entry.items() if resources[name]["Type"] == ALARM}
    found = {}
    for name, alarm in alarms.items():
        for other in watched(resources[name], resources):
            lines = alarm.first - entry[other].last - 1
            between = [it for it in alarms.values() if entry[other].last < it.first < alarm.first]
            lines -= sum(it.last - it.first + 2 for it in between)  # and an empty line below
            found[name] = lines if lines >= 0 else len(text.splitlines())
    return found


def text_of(name: str) -> str:
    return (FOLDER / f"{name}.yml").read_text()


@pytest.mark.parametrize("name", NAMES)
def test_a_template_has_the_order_of_its_concerns(name: str) -> None:
    assert list(disorder(load(name), text_of(name))) == []


def test_concerns_that_templates_share_come_in_the_same_order_in_all_of_them() -> None:
    for one in NAMES:
        for other in NAMES:
            mine, theirs = list(concerns(load(one))), list(concerns(load(other)))
            shared = [it for it in mine if it in theirs]
            assert shared == [it for it in theirs if it in mine], f"{one}, {other}"


@pytest.mark.parametrize("name", NAMES)
def test_an_alarm_stands_below_what_it_watches(name: str, record_property: Any) -> None:
    found = distances(load(name), text_of(name))
    record_property("lines", found)
    assert {alarm: lines for alarm, lines in found.items() if lines > MOST_LINES} == {}


def test_the_alarms_of_a_service_watch_what_is_in_another_stack_and_those_of_rds_dont() -> None:
    assert distances(load("rds"), text_of("rds")).keys() == {
        "CpuAlarm",
        "CapacityAlarm",
        "MemoryAlarm",
        "ConnectionsAlarm",
        "LocalStorageAlarm",
        "StorageAlarm",
        "ReplicaLagAlarm",
    }
    watching = distances(load("service_monitoring"), text_of("service_monitoring"))
    assert watching.keys() == {"ErrorLinesAlarm"}  # of a metric filter beside it


def moved(text: str, name: str, *, above: str) -> str:
    """Return a template with an entry moved in front of another one."""
    (entry,) = re.findall(rf"^  {name}:.*\n(?:    .*\n)*", text, re.MULTILINE)
    return text.replace(entry, "").replace(f"\n  {above}:", f"\n{entry}  {above}:", 1)


@pytest.mark.parametrize(
    ("name", "above", "told"),
    [
        ("MaxCount", "Platform", "the parameters aren't those of the groups"),
        ("HasRotation", "HasHealthCheckCommand", "condition HasHealthCheckCommand"),
        ("ExecutionRole", "TaskDefinition", "resource ExecutionRole: none of its condition's"),
    ],
)
def test_what_stands_elsewhere_is_seen(name: str, above: str, told: str) -> None:
    text = moved(text_of("service"), name, above=above)
    assert told in " ".join(disorder(load("service"), text))


def test_a_concern_that_stands_elsewhere_is_seen() -> None:
    text = text_of("rds").replace(
        "# --- Admin: the password", "# --- Backup and restore: the password"
    )
    assert "resource ClusterParameterGroup" in list(disorder(load("rds"), text))


def test_an_alarm_that_stands_elsewhere_is_seen() -> None:
    text = moved(text_of("rds"), "MemoryAlarm", above="FourthInstance")
    assert distances(load("rds"), text)["MemoryAlarm"] > MOST_LINES
    text = moved(text_of("rds"), "MemoryAlarm", above="Key")
    assert distances(load("rds"), text)["MemoryAlarm"] > MOST_LINES
