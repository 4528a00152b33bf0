"""What a deployment says in the end."""

from __future__ import annotations

from ansible_collections.quayside.fargate.plugins.action.summary import table


def test_rows_stand_in_two_columns() -> None:
    rows = {"url": "https://orders.example.org/", "active user": "blue"}
    assert table(rows) == ["url          https://orders.example.org/", "active user  blue"]


def test_several_texts_of_a_row_are_joined_with_their_names() -> None:
    assert table({"shop-rds": {"host": "db.test", "port": 5432}}) == [
        "shop-rds  host db.test, port 5432"
    ]


def test_what_is_empty_is_left_out() -> None:
    rows = {"url": "", "shop-network": {"VPC": ""}, "shop-rds": {"host": "db.test", "reader": None}}
    assert table(rows) == ["shop-rds  host db.test"]


def test_several_texts_stand_behind_one_another_and_none_is_left_out() -> None:
    assert table({"new": ["cpu 256 -> 512", "secrets"]}) == ["new  cpu 256 -> 512; secrets"]
    assert table({"new": []}) == []
