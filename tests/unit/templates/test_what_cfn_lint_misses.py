"""What cfn-lint 1.58.0 takes without a word: schedules, durations, Fargate's sizes, ports by name.

Each rule is tried on a broken value first, so that it can't be silent itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from tests.unit.templates.templates import NAMES, Stack, load, walk

LONGEST = {1: 31, 2: 28, 3: 31, 4: 30, 5: 31, 6: 30, 7: 31, 8: 31, 9: 30, 10: 31, 11: 30, 12: 31}
# minutes, hours, day of month, month, day of week, year
# (EventBridge user guide, "Cron expressions"; Secrets Manager takes the same)
RANGES = ((0, 59), (0, 23), (1, 31), (1, 12), (1, 7), (1970, 2199))
# "Dynamic references to Systems Manager SecureString parameters": properties that take one.
SECURE = {("AWS::RDS::DBCluster", "MasterUserPassword")}


def is_schedule(text: str) -> bool:
    """Whether AWS takes a schedule expression of the kinds that the templates use."""
    if re.fullmatch(
        r"rate\((1 (minute|hour|day)|([2-9]|[1-9][0-9]+) (minutes|hours|days))\)", text
    ):
        return True
    match = re.fullmatch(r"cron\((\S+) (\S+) (\S+) (\S+) (\S+) (\S+)\)", text)
    if not match:
        return False
    fields = match.groups()
    if [fields[2], fields[4]].count("?") != 1:
        return False
    for field, (low, high) in zip(fields, RANGES, strict=True):
        if field in ("*", "?"):
            continue
        if not field.isdigit() or not low <= int(field) <= high:
            return False
    day, month = fields[2], fields[3]
    return not (day.isdigit() and month.isdigit() and int(day) > LONGEST[int(month)])


def schedules(name: str, **given: str) -> Iterator[str]:
    """Every schedule of a template."""
    stack = Stack(name, {"Platform": "shop", "Name": "orders"} | given)
    for path, node in walk(stack.resources):
        if path and path[-1] == "ScheduleExpression":
            yield str(node)


@pytest.mark.parametrize(
    "broken",
    [
        "whenever",
        "cron(0 3 31 2 ? *)",
        "cron(0 24 1 * ? *)",
        "cron(0 3 1 * * *)",
        "cron(0 3 * * 1)",
        "rate(1 days)",
        "rate(2 day)",
    ],
)
def test_a_broken_schedule_is_seen(broken: str) -> None:
    assert not is_schedule(broken)


@pytest.mark.parametrize("hour", ["0", "3", "23"])
@pytest.mark.parametrize("name", NAMES)
def test_every_schedule_is_one(name: str, hour: str) -> None:
    assert [it for it in schedules(name, RotationHour=hour) if not is_schedule(it)] == []


def test_there_are_schedules() -> None:
    assert list(schedules("service")) == ["cron(0 3 1 * ? *)", "cron(0 3 15 * ? *)"]
    assert list(schedules("support"))
    assert list(schedules("rotation"))


@pytest.mark.parametrize(
    ("value", "taken"),
    [("1h", True), ("24h", True), ("25h", False), ("0h", False), ("2", False), ("90m", False)],
)
def test_a_rotations_duration_is_of_whole_hours_within_a_day(value: str, taken: bool) -> None:
    pattern = load("service")["Parameters"]["RotationDuration"]["AllowedPattern"]
    assert bool(re.fullmatch(pattern, value)) is taken


def test_the_load_balancer_asks_for_a_container_and_a_port_that_the_task_has() -> None:
    resources = load("service")["Resources"]
    containers = {
        it["Name"]: [mapping["ContainerPort"] for mapping in it["PortMappings"]]
        for it in resources["TaskDefinition"]["Properties"]["ContainerDefinitions"]
    }
    (balancer,) = resources["Service"]["Properties"]["LoadBalancers"]["Fn::If"][1]
    assert balancer["ContainerPort"] in containers[balancer["ContainerName"]]


@pytest.mark.parametrize("name", NAMES)
def test_no_port_is_asked_for_by_a_name_that_no_container_has(name: str) -> None:
    nodes = [node for _, node in walk(load(name)["Resources"]) if isinstance(node, dict)]
    asked = {node["PortName"] for node in nodes if "PortName" in node}
    known = {it["Name"] for node in nodes for it in node.get("PortMappings", []) if "Name" in it}
    assert asked <= known


@pytest.mark.parametrize("name", NAMES)
def test_a_secure_parameter_is_resolved_where_cloudformation_does_and_nowhere_else(
    name: str,
) -> None:
    for key, resource in load(name)["Resources"].items():
        for path, node in walk(resource.get("Properties", {})):
            if isinstance(node, str) and "resolve:ssm-secure" in node:
                assert (resource["Type"], path[0]) in SECURE, f"{key}: {path}"
                assert node.startswith("{{resolve:ssm-secure:"), "not within other text"
                assert node.endswith("}}"), "not within other text"
