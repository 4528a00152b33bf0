"""What CloudWatch takes as a dashboard.

Source: Amazon CloudWatch API reference, "Dashboard body structure and syntax".
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from tests.unit.templates.templates import REGION


def metrics(widget: dict[str, Any]) -> Iterator[tuple[list[str], dict[str, Any]]]:
    """Yield namespace, name and dimensions of a widget's metrics, and the options of each.

    "." is what the one above has there, "..." all of it that isn't written after it.
    """
    above: list[str] = []
    for written in widget["properties"]["metrics"]:
        names = [it for it in written if isinstance(it, str)]
        if names[0] == "...":
            names = above[: len(above) - len(names) + 1] + names[1:]
        assert "." not in names or len(names) <= len(above)
        above = [above[at] if it == "." else it for at, it in enumerate(names)]
        yield above, next((it for it in written if isinstance(it, dict)), {})


def assert_taken(widgets: Sequence[dict[str, Any]]) -> None:
    """Hold widgets against the page."""
    for widget in widgets:
        assert widget.keys() == {"type", "width", "height", "properties"}
        assert 1 <= widget["width"] <= 24
        assert 1 <= widget["height"] <= 1000
        properties = widget["properties"]
        if widget["type"] == "alarm":
            assert properties.keys() == {"title", "alarms"}
            assert 1 <= len(properties["alarms"]) <= 100
            continue
        assert widget["type"] == "metric"
        assert properties.keys() <= {"title", "region", "period", "stat", "metrics"}
        assert properties["region"] == REGION
        for names, options in metrics(widget):
            assert len(names) % 2 == 0
            assert all(names)
            assert options.keys() <= {"stat", "label", "yAxis"}
            assert "stat" in options or "stat" in properties
