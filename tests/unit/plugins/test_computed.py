"""Parameters that don't simply take the option of their name."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.quayside.fargate.plugins.plugin_utils import computed, mapping, template
from ansible_collections.quayside.fargate.plugins.plugin_utils.variables import Variables

ROOT = Path(__file__).parents[3]
ROLES = sorted(path.parts[-3] for path in ROOT.glob("roles/*/meta/argument_specs.yml"))
TEMPLATES = {it: template.load((ROOT / "templates" / f"{it}.yml").read_text(), it) for it in ROLES}
SECRET = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:shop/mail-a1B2c3"
YEAR = st.datetimes(datetime.datetime(2027, 1, 1), datetime.datetime(2027, 12, 31))
ROTATED_ON = {1: "blue", 15: "green"}  # service.yml's schedules


def values(role: str = "service", **given: Any) -> dict[str, Any]:
    """The values of a role's variables, of which some are given."""
    named = {f"{role}_{name}": value for name, value in {"platform": "shop", **given}.items()}
    return dict(Variables.of_role(role).complete(named, lambda _text, _known: ""))


def first_user(moment: datetime.datetime, **given: Any) -> Any:
    return computed.initial_parameters("service", values(**given), moment)["ActiveUser"]


def parameters(role: str = "service", **given: Any) -> dict[str, Any]:
    named = {f"{role}_{option}" for option in given}
    return dict(computed.parameters(role, values(role, **given), named))


def next_rotated(moment: datetime.datetime, hour: int) -> str:
    """Whose rotation begins next after a moment, found hour by hour."""
    while True:
        moment = moment.replace(minute=0) + datetime.timedelta(hours=1)
        if moment.hour == hour and moment.day in ROTATED_ON:
            return ROTATED_ON[moment.day]


@given(moment=YEAR, hour=st.integers(0, 23))
def test_the_first_active_user_is_not_the_one_that_is_rotated_next(
    moment: datetime.datetime, hour: int
) -> None:
    active = first_user(moment, rotation_hour=hour)
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
    assert first_user(datetime.datetime.fromisoformat(moment)) == active


@pytest.mark.parametrize(
    "given", [{"rotation": False}, {"database_users": "blue"}, {"database": False}]
)
def test_it_is_blue_where_nothing_is_rotated(given: dict[str, Any]) -> None:
    late = datetime.datetime(2027, 3, 20)
    assert first_user(late) == "green"
    assert first_user(late, **given) == "blue"


def test_it_can_be_chosen() -> None:
    late = datetime.datetime(2027, 3, 20)
    assert first_user(late, first_active_user="blue") == "blue"


def test_the_number_of_tasks_is_left_alone_while_scaling_is_on() -> None:
    assert parameters(desired_count=3)["DesiredCount"] == 3
    scaling = {"min": 2, "max": 10, "cpu_percent": 70}
    assert parameters(desired_count=3, scaling=scaling)["DesiredCount"] == ""


def test_the_number_that_scaling_left_stays_where_no_other_is_given() -> None:
    """The stack has an empty one since scaling was on."""
    assert parameters()["DesiredCount"] == {"unless_empty": 2}


def test_the_arns_that_a_service_may_read_are_without_key_and_stage() -> None:
    ssm = "arn:aws:ssm:eu-central-1:123456789012:parameter/shop/mail"
    found = parameters(secrets={"A": f"{SECRET}:user::", "B": f"{SECRET}:password::", "C": ssm})
    assert (found["SecretArns"], found["ParameterArns"]) == ([SECRET], [ssm])


@pytest.mark.parametrize("role", ["support", "cluster"])
def test_a_vpc_of_yours_takes_the_place_of_the_network_stack(role: str) -> None:
    assert parameters(role) == {"NetworkStack": "shop-network"}
    assert parameters(role, vpc_id="vpc-1") == {"NetworkStack": ""}


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ({}, {"SubnetIds": {"output": "PublicSubnetIds"}}),
        ({"scheme": "internal"}, {"SubnetIds": {"output": "PrivateSubnetIds"}}),
        ({"subnet_ids": ["subnet-1"]}, {}),
    ],
)
def test_a_load_balancer_is_where_its_scheme_needs_it(
    given: dict[str, Any], found: dict[str, Any]
) -> None:
    assert parameters("load_balancer", **given) == found


@pytest.mark.parametrize("role", ROLES)
def test_what_is_computed_is_a_parameter_and_stands_in_the_table(role: str) -> None:
    decided = {it for special in mapping.SPECIAL.get(role, {}).values() for it in special.decides}
    known = values(role)
    later = computed.initial_parameters(role, known, datetime.datetime(2027, 3, 20))
    for parameter in {*computed.parameters(role, known, ()), *later}:
        assert parameter in TEMPLATES[role]["Parameters"]
        assert parameter in decided | mapping.NO_OPTION.keys()
