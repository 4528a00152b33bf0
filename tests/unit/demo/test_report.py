"""The demo's report, for people and for programs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from examples.demo.inventory import Service, Stack
from examples.demo.report import Report, Rotation, table


@pytest.fixture
def report() -> Report:
    service = Service("orders", "http://o.test", "o.test", "1", "orders", "blue")
    return Report(
        stacks=[Stack("shop-network", "CREATE_COMPLETE", 0.25, {"VpcId": "vpc-1"})],
        services=[(service, 10, 9)],
        seconds={"platform": 4.5},
        redeploy_changed=0,
        rotation=Rotation("orders", ["blue", "green", "blue"], 300, 299),
    )


def test_the_file_has_exactly_what_programs_were_promised(report: Report, tmp_path: Path) -> None:
    report.write(tmp_path / "report.json")

    assert json.loads((tmp_path / "report.json").read_text()) == {
        "stacks": {"shop-network": "CREATE_COMPLETE"},
        "services": [{"name": "orders", "url": "http://o.test", "requests": 10, "ok": 9}],
        "seconds": {"platform": 4.5},
        "redeploy_changed": 0,
        "rotation": {
            "service": "orders",
            "users": ["blue", "green", "blue"],
            "requests": 300,
            "ok": 299,
        },
    }


def test_the_text_tells_where_everything_stands(report: Report) -> None:
    lines = [line.split() for line in report.text().splitlines()]

    assert ["shop-network", "CREATE_COMPLETE", "0.2"] in lines
    assert ["orders", "http://o.test", "1", "orders", "blue", "10", "9"] in lines
    assert ["platform", "4.5"] in lines
    assert ["orders", "blue", "->", "green", "->", "blue", "300", "299", "1"] in lines


def test_a_column_of_numbers_is_set_to_the_right() -> None:
    assert table(["step", "seconds"], [["start", "0.5"], ["platform", "12.0"]]).splitlines() == [
        "step      seconds",
        "--------  -------",
        "start         0.5",
        "platform     12.0",
    ]


def test_a_table_without_rows_is_its_head() -> None:
    assert table(["step"], []) == "step\n----"


_WORD = st.text("abc0123456789.-", min_size=1, max_size=12)


@given(st.integers(1, 4).flatmap(lambda n: st.lists(st.lists(_WORD, min_size=n, max_size=n))))
def test_every_cell_of_a_table_stands_in_its_row(rows: list[list[str]]) -> None:
    head = [f"column{number}" for number in range(len(rows[0]) if rows else 1)]

    assert [line.split() for line in table(head, rows).splitlines()[2:]] == rows
