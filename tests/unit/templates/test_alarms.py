"""Whoever hears an alarm finds out what to do: each names its heading on a page, and each heading
an alarm. What it rings at is a parameter, or has its reason beside it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.unit.templates.templates import ALARM, NAMES, load, of_type
from tests.unit.templates.test_order import entries, text_of

ROOT = Path(__file__).parents[3]
NOTICES = ROOT / "docs" / "alarms" / "notices.md"  # what is told without an alarm
PAGES = sorted(it for it in NOTICES.parent.glob("*.md") if it != NOTICES)
MOST_CHARACTERS = 1024  # of an AlarmDescription (schema of AWS::CloudWatch::Alarm)
# Commands that show, and change nothing.
LOOKING = re.compile(
    r"^\$ (aws \S+ (describe|filter|get|list)-"
    r"|ansible-playbook playbooks/(history|logs|status|verify)\.yml )",
    re.MULTILINE,
)
LONGEST_VALUE = 30  # of a parameter that a description tells: a service's name


@dataclass(frozen=True)
class Alarm:
    """An alarm of a template: where it stands, and its properties."""

    template: str
    key: str
    properties: Mapping[str, Any]

    def __str__(self) -> str:
        return f"{self.template}-{self.key}"

    @property
    def description(self) -> str:
        return _text(self.properties["AlarmDescription"])

    @property
    def heading(self) -> str:
        """Its name without the platform's and the service's."""
        name = re.sub(r"\$\{\w+\}-", "", _text(self.properties["AlarmName"]))
        return name.removeprefix("service-")

    @property
    def page(self) -> tuple[str, str] | None:
        """The file and the heading that its description ends with."""
        found = re.search(r"\((docs/alarms/\w+\.md), ([\w-]+)\)$", self.description)
        return (found[1], found[2]) if found else None


def _text(value: Any) -> str:
    """Return a text, that of Fn::Sub with its placeholders."""
    if isinstance(value, Mapping):
        value = value["Fn::Sub"]
    return str(value if isinstance(value, str) else value[0])


ALARMS = [
    Alarm(name, key, it["Properties"])
    for name in NAMES
    for kind in (ALARM, "AWS::CloudWatch::CompositeAlarm")
    for key, it in of_type(name, kind).items()
]


@cache
def sections(page: Path) -> dict[str, str]:
    """Return the text below each heading of a page that is an alarm's."""
    alarms = re.split(r"^# (?!#)", page.read_text(), flags=re.MULTILINE)[1]
    found = re.split(r"^## (.+)$", alarms, flags=re.MULTILINE)[1:]
    return dict(zip(found[::2], found[1::2], strict=True))


@pytest.mark.parametrize("alarm", ALARMS, ids=str)
def test_an_alarm_names_the_heading_that_says_what_to_do(alarm: Alarm) -> None:
    assert alarm.page, alarm.description
    page, heading = alarm.page
    assert heading == alarm.heading
    assert heading in sections(ROOT / page)


@pytest.mark.parametrize("page", PAGES, ids=lambda it: it.name)
def test_a_heading_is_an_alarms(page: Path) -> None:
    named = {
        heading for path, heading in (it.page for it in ALARMS if it.page) if path in str(page)
    }
    assert sections(page).keys() == named


@pytest.mark.parametrize("page", PAGES, ids=lambda it: it.name)
def test_each_heading_tells_what_it_means_where_to_look_and_what_to_do(page: Path) -> None:
    wanted = ("**It means**", "**Look**", "**Do**", "**Threshold**", "```console")
    lacking = {
        name: [it for it in wanted if it not in text] for name, text in sections(page).items()
    }
    assert {name: words for name, words in lacking.items() if words} == {}


@pytest.mark.parametrize("page", [*PAGES, NOTICES], ids=lambda it: it.name)
def test_no_command_to_look_with_lists_names_where_figures_are_asked_for(page: Path) -> None:
    """`list-metrics` prints names and dimensions, never a value."""
    assert "list-metrics" not in page.read_text()


def section(alarm: Alarm) -> str:
    page, heading = alarm.page or ("", "")
    return sections(ROOT / page).get(heading, "")


def those_with(words: str) -> list[Alarm]:
    """Return the alarms whose sections have a command with these words."""
    return [it for it in ALARMS if words in section(it)]


@pytest.mark.parametrize("alarm", ALARMS, ids=str)
def test_a_section_has_a_command_to_look_before_it_says_what_to_do(alarm: Alarm) -> None:
    look = section(alarm).partition("**Look**")[2].partition("**Do**")[0]
    assert LOOKING.search(look)


@pytest.mark.parametrize("alarm", those_with("--alarm-names"), ids=str)
def test_a_command_about_an_alarm_is_about_that_of_its_section(alarm: Alarm) -> None:
    named = re.findall(r"--alarm-names (\S+)", section(alarm))
    assert {re.sub("^shop-(service-orders-)?|public-", "", it) for it in named} == {alarm.heading}


@pytest.mark.parametrize("alarm", those_with("--namespace AWS/RDS"), ids=str)
def test_a_command_about_a_metric_of_rds_is_about_its_alarms(alarm: Alarm) -> None:
    (metric,) = re.findall(r"--metric-name (\w+)", section(alarm))
    assert metric in json.dumps(alarm.properties)


def test_the_page_has_the_categories_of_rds_that_are_told() -> None:
    rows = re.findall(r"^\| (cluster|instances) \| (.+?) \|", NOTICES.read_text(), re.MULTILINE)
    told = {kind: categories.split(", ") for kind, categories in rows}
    events = of_type("rds", "AWS::RDS::EventSubscription")
    assert told == {
        "cluster": events["ClusterEvents"]["Properties"]["EventCategories"],
        "instances": events["InstanceEvents"]["Properties"]["EventCategories"],
    }
    assert {"recovery", "security patching"} <= {*told["instances"]}  # AWS acts, or wants one to


@pytest.mark.parametrize("alarm", ALARMS, ids=str)
def test_a_description_fits_with_the_longest_values(alarm: Alarm) -> None:
    longest = re.sub(r"\$\{\w+\}", "x" * LONGEST_VALUE, alarm.description)
    assert len(longest) <= MOST_CHARACTERS


@pytest.mark.parametrize("alarm", ALARMS, ids=str)
def test_a_threshold_is_a_parameter_or_has_its_reason_beside_it(alarm: Alarm) -> None:
    threshold = alarm.properties.get("Threshold")
    if isinstance(threshold, Mapping):
        assert threshold["Ref"] in load(alarm.template)["Parameters"]
        return
    lines = text_of(alarm.template).splitlines()
    (entry,) = [it for it in entries(text_of(alarm.template), "Resources") if it.name == alarm.key]
    (line,) = [
        it for it in lines[entry.first : entry.last + 1] if it.strip().startswith("Threshold:")
    ]
    assert " # " in line, line


def test_the_topic_hears_of_all_but_those_that_judge_a_deployment() -> None:
    silent = {str(it) for it in ALARMS if not it.properties.get("AlarmActions")}
    assert silent == {
        *("service-CpuDeploymentAlarm", "service-ServerErrorDeploymentAlarm"),
        "service-UnhealthyHostDeploymentAlarm",
    }
