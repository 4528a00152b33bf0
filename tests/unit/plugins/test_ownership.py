"""A stack that has the task's name, and that its own parameters call another platform's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ansible_collections.quayside.fargate.plugins.plugin_utils import ownership
from ansible_collections.quayside.fargate.plugins.plugin_utils.errors import StackError

LOGS = [{"OutputKey": "LogDeletionProtection", "OutputValue": "true"}]
OPTIONS = {
    "variables": {"platform": "shop", "name": "rds"},
    "variable_prefix": "service",
    "termination_protection": None,
}
REFUSALS = [ownership.refuse_anothers, ownership.refuse_deletion]


def stack(**parameters: str) -> dict[str, Any]:
    given = [{"ParameterKey": key, "ParameterValue": it} for key, it in parameters.items()]
    return {"StackName": "shop-monitoring-rds", "Parameters": given}


@pytest.mark.parametrize("refuse", REFUSALS)
@pytest.mark.parametrize(
    ("parameter", "value", "variable"),
    [("Platform", "shop-monitoring", "service_platform"), ("Name", "orders", "service_name")],
)
def test_anothers_stack_is_refused_by_both_values_and_the_variable(
    refuse: Callable[..., None], parameter: str, value: str, variable: str
) -> None:
    with pytest.raises(StackError) as refused:
        refuse(stack(**{parameter: value}), OPTIONS)
    said = str(refused.value)
    assert said.startswith("Stack shop-monitoring-rds is another's: ")
    assert f"parameter {parameter} is '{value}', not " in said
    assert f"Mend {variable}" in said


@pytest.mark.parametrize("refuse", REFUSALS)
@pytest.mark.parametrize(
    "found", [None, stack(), stack(Platform="shop"), stack(Platform="shop", Name="rds")]
)
def test_ones_own_stack_and_one_that_tells_nothing_are_not(
    refuse: Callable[..., None], found: dict[str, Any] | None
) -> None:
    refuse(found, OPTIONS)


def test_a_task_outside_of_a_role_is_held_against_nothing() -> None:
    ownership.refuse_anothers(stack(Platform="shop-monitoring"), {**OPTIONS, "variables": {}})


def test_lifted_protection_lets_no_stranger_go() -> None:
    lifted = {**OPTIONS, "termination_protection": False}
    protected = {"EnableTerminationProtection": True}
    ownership.refuse_deletion({**stack(Platform="shop"), **protected}, lifted)
    with pytest.raises(StackError, match="is another's"):
        ownership.refuse_deletion({**stack(Platform="other"), **protected}, lifted)


def test_what_aws_does_not_delete_is_named_before_anything_goes() -> None:
    protected = {**stack(Platform="shop"), "Outputs": LOGS}
    with pytest.raises(StackError, match="deploy it with false first") as refused:
        ownership.refuse_deletion(protected, {**OPTIONS, "termination_protection": False})
    assert "service_log_deletion_protection (parameter LogDeletionProtection)" in str(refused.value)
    ownership.refuse_deletion({**protected, "Outputs": []}, OPTIONS)
