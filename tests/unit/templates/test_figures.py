"""How large the templates are; the figures go to build/templates.json."""

from __future__ import annotations

import json

import pytest

from tests.unit.templates.templates import FOLDER, NAMES, load
from tests.unit.templates.test_lint import MOST_BYTES
from tests.unit.templates.test_order import distances, text_of

FIGURES = FOLDER.parent / "build" / "templates.json"
# Where more is to come, less than CloudFormation takes (CloudFormation quotas).
ROOM = {
    "support": 40_000,
    "rotation": 40_000,
    "service_monitoring": 40_000,
    "service": 200_000,  # templates/compact/service.yml is for who has no bucket
}


@pytest.fixture(scope="module")
def figures() -> dict[str, dict[str, int]]:
    found = {
        name: {
            "bytes": len(text_of(name).encode()),
            "parameters": len(load(name)["Parameters"]),
            "lines": len(text_of(name).splitlines()),
            "alarms": sum(
                it["Type"].endswith("::Alarm") for it in load(name)["Resources"].values()
            ),
            "lines from an alarm to what it watches": max(
                distances(load(name), text_of(name)).values(), default=0
            ),
        }
        for name in NAMES
    }
    FIGURES.parent.mkdir(exist_ok=True)
    FIGURES.write_text(json.dumps(found, indent=2) + "\n")
    return found


@pytest.mark.parametrize("name", NAMES)
def test_a_template_has_room(figures: dict[str, dict[str, int]], name: str) -> None:
    assert figures[name]["bytes"] < ROOM.get(name, MOST_BYTES)
