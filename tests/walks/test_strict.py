"""The rotation on a local AWS whose answers are a moment old and whose calls are throttled.

The end-to-end tests of what rests on such answers run once more, in strict mode
(local_aws/README.md): the guard and its refusals, activations by events and by the sweep, with
deployments in between, and the playbooks that wait for it all. build/walks/strict.json says how
many ran.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

ROOT = Path(__file__).parents[2]
FIGURES = ROOT / "build" / "walks" / "strict.json"
TESTS = (
    "tests/e2e/test_rotation_refusals.py",
    "tests/e2e/test_rotation_events.py",
    "tests/e2e/test_rotation_playbooks.py",
)
_SECONDS = 1800


@pytest.mark.timeout(_SECONDS + 60)
def test_the_rotation_holds_when_answers_are_late_and_calls_are_throttled(tmp_path: Path) -> None:
    report = tmp_path / "report.xml"
    outer = {name: it for name, it in os.environ.items() if not name.startswith("PYTEST_")}
    ran = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "--numprocesses",
            "0",
            f"--junitxml={report}",
            *TESTS,
        ],
        cwd=ROOT,
        env=outer | {"LOCAL_AWS_STRICT": "1"},
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
    (suite,) = ElementTree.parse(report).getroot()
    counts = {name: int(suite.attrib[name]) for name in ("tests", "failures", "errors", "skipped")}
    FIGURES.parent.mkdir(parents=True, exist_ok=True)
    figures = counts | {"files": TESTS, "seconds": round(float(suite.attrib["time"]))}
    FIGURES.write_text(json.dumps(figures, indent=2) + "\n")
    print(figures)
    assert ran.returncode == 0, ran.stdout[-20_000:]
    assert counts["skipped"] == 0
