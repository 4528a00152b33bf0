"""The first active user, whose own rotation is not the next; windows that fit into a day."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import pytest
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template
from hypothesis import given, settings
from hypothesis import strategies as st

ROLE = Path(__file__).parents[3] / "roles" / "service"
YEAR = st.datetimes(datetime.datetime(2027, 1, 1), datetime.datetime(2027, 12, 31))
ROTATED_ON = {1: "blue", 15: "green"}  # service.yml's schedules


def variable(name: str, **given: Any) -> Any:
    """A variable of the role, for a service with some variables."""
    loader = DataLoader()
    role = loader.load_from_file(str(ROLE / "defaults" / "main.yml"), trusted_as_template=True)
    role |= loader.load_from_file(str(ROLE / "vars" / "main.yml"), trusted_as_template=True)
    role |= {"service_name": "orders", "service_platform": "shop", "role_path": str(ROLE)}
    role |= {"service_image": "orders:1", "service_host_name": "orders.example.com"}
    expression = trust_as_template(f"{{{{ {name} }}}}")
    return Templar(loader=loader, variables=role | given).template(expression)


def first_active_user(moment: datetime.datetime, **given: Any) -> str:
    """What the role takes at a moment (UTC) for a new service with some variables."""
    return str(
        variable("service_first_active_user", service_day_and_hour=f"{moment:%d %H}", **given)
    )


def next_rotated(moment: datetime.datetime, hour: int) -> str:
    """Whose rotation begins next after a moment, found hour by hour."""
    while True:
        moment = moment.replace(minute=0) + datetime.timedelta(hours=1)
        if moment.hour == hour and moment.day in ROTATED_ON:
            return ROTATED_ON[moment.day]


@settings(deadline=None)
@given(moment=YEAR, hour=st.integers(0, 23))
def test_the_next_rotation_to_come_is_the_idle_users(moment: datetime.datetime, hour: int) -> None:
    active = first_active_user(moment, service_rotation_hour=hour)
    assert active in ("blue", "green")
    assert active != next_rotated(moment, hour)


@pytest.mark.parametrize(
    ("moment", "active"),
    [
        ("2027-03-01 02:59", "green"),
        ("2027-03-01 03:00", "blue"),
        ("2027-03-15 02:59", "blue"),
        ("2027-03-15 03:00", "green"),
        ("2027-12-31 23:59", "green"),
    ],
)
def test_it_changes_when_a_window_begins(moment: str, active: str) -> None:
    assert first_active_user(datetime.datetime.fromisoformat(moment)) == active


@pytest.mark.parametrize(
    "variables",
    [
        {"service_rotation": False},
        {"service_database_users": "blue"},
        {"service_database": False},
    ],
)
def test_it_is_blue_where_nothing_is_rotated(variables: dict[str, Any]) -> None:
    late = datetime.datetime(2027, 3, 20)
    assert first_active_user(late) == "green"
    assert first_active_user(late, **variables) == "blue"


def test_it_can_be_chosen() -> None:
    late = datetime.datetime(2027, 3, 20)
    assert first_active_user(late, service_first_active_user="blue") == "blue"


@pytest.mark.parametrize(
    ("hour", "duration", "fits"),
    [(3, "2h", True), (22, "2h", True), (0, "24h", True), (23, "2h", False), (1, "24h", False)],
)
def test_a_window_that_ends_after_midnight_is_refused(hour: int, duration: str, fits: bool) -> None:
    given = {"service_rotation_hour": hour, "service_rotation_duration": duration}
    refusals = variable("service_refusals", **given)
    assert [it.split(":")[0] for it in refusals] == ([] if fits else ["service_rotation_duration"])
    assert variable("service_refusals", service_rotation=False, **given) == []
