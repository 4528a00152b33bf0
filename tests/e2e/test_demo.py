"""`make demo`, as a user runs it and stops it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.walk

ROOT = Path(__file__).parents[2]
REPORT = ROOT / "build" / "demo" / "report.json"
DESCENDANTS = Path(__file__).with_name("descendants.py")
PLATFORM = ["network", "support", "deployment-all", "cluster", "load-balancer-public", "rds"]
PLATFORM.append("rotation")
SERVICES = [
    f"{kind}-{name}" for name in ("orders", "invoices") for kind in ("service", "monitoring")
]
MOST_LINES = 250
STACKS = dict.fromkeys([*PLATFORM, *SERVICES], "CREATE_COMPLETE")
STACKS["rds"] = "UPDATE_COMPLETE"  # the update that protects the cluster


@dataclass(frozen=True)
class Run:
    """A finished run: its output, its exit status, what it left running."""

    output: str
    status: int
    left: list[str]


def run_demo(
    stop_at: str = "", stop_with: signal.Signals = signal.SIGTERM, **environment: str
) -> Run:
    """Run the demo; stop it with a signal when a line begins with ``stop_at``."""
    output = []
    with subprocess.Popen(
        [sys.executable, DESCENDANTS, sys.executable, "-m", "examples.demo"],
        cwd=ROOT,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        assert process.stdout
        for line in process.stdout:
            output.append(line)
            if stop_at and line.startswith(stop_at):
                process.send_signal(stop_with)
    return Run("".join(output[:-1]), **json.loads(output[-1]))


@pytest.fixture(scope="module")
def demo() -> Run:
    """One run from beginning to end, in a shell that is set up for another account."""
    return run_demo(AWS_PROFILE="production", AWS_ENDPOINT_URL_S3="http://127.0.0.1:1")


@pytest.fixture
def report(demo: Run) -> Any:
    assert demo.status == 0, demo.output
    return json.loads(REPORT.read_text())


def test_the_demo_ends_well_and_leaves_nothing_running(demo: Run) -> None:
    assert demo.status == 0, demo.output
    assert demo.left == []


def test_the_demo_prints_no_more_than_people_read(demo: Run) -> None:
    lines = demo.output.splitlines()
    (ROOT / "build" / "lines-demo.json").write_text(
        json.dumps({"demo": {"lines": len(lines), "limit": MOST_LINES}}) + "\n"
    )
    assert len(lines) <= MOST_LINES


def test_the_report_has_every_stack_complete(report: Any) -> None:
    assert report["stacks"] == {f"shop-{name}": status for name, status in STACKS.items()}


def test_both_services_answered_every_request_under_their_own_host_name(report: Any) -> None:
    orders, invoices = report["services"]

    assert (orders["name"], orders["url"]) == ("orders", "http://orders.example.com/")
    assert (invoices["name"], invoices["url"]) == ("invoices", "http://invoices.example.com/")
    assert orders["ok"] == orders["requests"] == 10
    assert invoices["ok"] == invoices["requests"] == 10


def test_a_second_deployment_changed_nothing(report: Any) -> None:
    assert report["redeploy_changed"] == 0


def test_both_users_were_rotated_under_traffic_and_no_request_failed(report: Any) -> None:
    rotation = report["rotation"]

    first, second, third = rotation["users"]
    assert first == third != second
    assert rotation["ok"] == rotation["requests"] > 100


def test_the_report_holds_no_more_than_was_promised(report: Any) -> None:
    assert list(report) == ["stacks", "services", "seconds", "redeploy_changed", "rotation"]
    assert {"local_aws", "platform", "orders", "invoices"} <= report["seconds"].keys()
    assert all(list(s) == ["name", "url", "requests", "ok"] for s in report["services"])


def test_the_last_page_tells_what_stands_where(demo: Run) -> None:
    rows = [line.split() for line in demo.output.splitlines()]

    assert all([f"shop-{name}", it] in [row[:2] for row in rows] for name, it in STACKS.items())
    services = [row for row in rows if len(row) == 7 and row[4] in ("blue", "green")]  # by the date
    assert [[*row[:2], row[3], *row[5:]] for row in services] == [
        ["orders", "http://orders.example.com/", "orders", "10", "10"],
        ["invoices", "http://invoices.example.com/", "invoices", "10", "10"],
    ]
    numbers = {int(row[2]) for row in services}
    assert len(numbers) == 2
    assert numbers <= set(range(1, 50_001))


@pytest.mark.parametrize(
    ("stop_at", "stop_with", "status"),
    [
        ("==> Deploy the platform", signal.SIGINT, 130),
        ("==> Deploy orders", signal.SIGTERM, 143),
    ],
)
def test_a_stopped_demo_leaves_nothing_running(
    demo: Run, stop_at: str, stop_with: signal.Signals, status: int
) -> None:
    stopped = run_demo(stop_at, stop_with)

    assert stopped.status == status, stopped.output
    assert stopped.left == []
    assert not REPORT.exists()


def test_a_failed_step_says_what_to_do_and_leaves_nothing_running() -> None:
    failed = run_demo(ANSIBLE_COLLECTIONS_PATH="/nowhere")

    assert failed.status == 1
    assert failed.left == []
    assert not REPORT.exists()
    *_, last = failed.output.strip().splitlines()
    assert last.startswith("The step platform failed: ansible-playbook playbooks/platform.yml")
    assert "build/demo/local_aws/server.log" in last
