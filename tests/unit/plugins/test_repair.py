"""What a repair asks of a stack, what it refuses, and what it says."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.quayside.fargate.plugins.plugin_utils import repair
from ansible_collections.quayside.fargate.plugins.plugin_utils.errors import StackError

STACK = "shop-service-orders"
GIVEN = {"Database": "true", "RepairNumber": "7", "RepairOwnership": "false"}


@pytest.mark.parametrize("gives", [True, False])
def test_each_repair_has_the_next_number_and_says_whether_it_gives(gives: bool) -> None:
    wanted = repair.parameters(STACK, GIVEN, gives=gives)
    assert wanted == {"RepairNumber": 8, "RepairOwnership": gives}


def test_the_first_repair_is_number_one() -> None:
    assert repair.parameters(STACK, {"Database": "true"}, gives=False) == {"RepairNumber": 1}


@pytest.mark.parametrize("given", [{}, {**GIVEN, "Database": "false"}])
def test_a_service_without_a_database_is_refused(given: dict[str, str]) -> None:
    with pytest.raises(StackError, match="the service of stack shop-service-orders has no datab"):
        repair.parameters(STACK, given, gives=False)


def test_a_template_that_has_no_word_for_giving_is_refused() -> None:
    with pytest.raises(StackError, match=r"is of before 1\.1\.0\. Deploy the service"):
        repair.parameters(STACK, {"Database": "true"}, gives=True)


def test_what_is_in_a_database_is_given_to_its_own_service_only() -> None:
    repair.refuse_ownership("orders", "")
    repair.refuse_ownership("orders", "orders")
    with pytest.raises(StackError, match="-e service_name=orders -e ownership=orders"):
        repair.refuse_ownership("orders", "billing")


def result(**outputs: str) -> dict[str, Any]:
    return {"outputs": outputs, "status": "UPDATE_COMPLETE", "seconds": 12.1}


def test_what_was_found_is_said_with_what_stands() -> None:
    found = "database and secrets agree."
    assert repair.told("shop/orders", "blue", result(Repaired=found)) == (
        "shop/orders: database and secrets agree. blue is active, the stack is UPDATE_COMPLETE "
        "after 12.1 s."
    )
    assert "before 1.1.0 has no place to say" in repair.told("shop/orders", "blue", result())


def test_what_is_left_to_be_done_is_a_failure() -> None:
    with pytest.raises(StackError, match=r"^shop/orders: not all agrees: green .* is active, the"):
        repair.told("shop/orders", "blue", result(Repaired="not all agrees: green can't log in."))
