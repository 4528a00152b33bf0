"""What is scheduled by default doesn't meet: backup, maintenance and rotation, all in UTC."""

from __future__ import annotations

import re
from itertools import pairwise

from tests.unit.templates.templates import load

Window = tuple[float, float]  # hours of a Sunday on which a rotation is due
LONGEST_DEPLOYMENT = 1.0  # hours that a flip at the window's end may take


def default(template: str, parameter: str) -> str:
    return str(load(template)["Parameters"][parameter]["Default"])


def hours(text: str) -> list[float]:
    return [int(h) + int(m) / 60 for h, m in re.findall(r"(\d\d):(\d\d)", text)]


def windows() -> list[Window]:
    first, last = hours(default("rds", "BackupWindow"))
    maintenance = hours(default("rds", "MaintenanceWindow"))
    begin = float(default("service", "RotationHour"))
    duration = float(default("service", "RotationDuration").removesuffix("h"))
    rotation = (begin, begin + duration + LONGEST_DEPLOYMENT)
    return sorted([(first, last), (maintenance[0], maintenance[1]), rotation])


def test_backup_maintenance_and_rotation_follow_each_other() -> None:
    for (_, end), (begin, _) in pairwise(windows()):
        assert end <= begin


def test_instances_are_maintained_when_their_cluster_is() -> None:
    """An instance without a window gets a random one (schema of AWS::RDS::DBInstance)."""
    instances = [
        resource["Properties"]
        for resource in load("rds")["Resources"].values()
        if resource["Type"] == "AWS::RDS::DBInstance"
    ]
    assert instances
    assert all(it["PreferredMaintenanceWindow"] == {"Ref": "MaintenanceWindow"} for it in instances)
