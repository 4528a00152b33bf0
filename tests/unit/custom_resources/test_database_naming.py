"""Custom::DatabaseName: a service's database keeps its name."""

from __future__ import annotations

import pytest

from custom_resources.database import naming
from custom_resources.shared.failure import Failure

TOKEN = {"ServiceToken": "arn:function", "ServiceTimeout": "300"}


def test_a_name_is_kept_and_comes_back_in_a_rollback() -> None:
    made = naming.physical_id({"Name": "orders", **TOKEN}, "")
    assert naming.physical_id({"Name": "orders", **TOKEN}, made) == made


@pytest.mark.parametrize("other", ["invoices", "orders_2", "order"])
def test_another_name_is_refused_by_the_name_of_the_variable(other: str) -> None:
    made = naming.physical_id({"Name": "orders", **TOKEN}, "")
    with pytest.raises(Failure, match=f"called orders, and can't become {other}") as refused:
        naming.physical_id({"Name": other, **TOKEN}, made)
    assert "service_database_name" in str(refused.value)


@pytest.mark.parametrize("given", [{}, {"Name": ""}, {"Name": ["orders"]}, {"Other": "x"}])
def test_a_resource_without_a_name_is_refused(given: dict[str, object]) -> None:
    with pytest.raises(Failure):
        naming.physical_id({**given, **TOKEN}, "")
