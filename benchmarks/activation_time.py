"""From RotateSecret to all tasks on the new user: how long, and whose time that is.

Run from the repository: ``.venv/bin/python -m benchmarks.activation_time [--count 7]``.
On a local AWS of its own it deploys a service with two tasks of examples/orders, and rotates its
idle user again and again. The times are those that the functions' logs and the stack's events have:
the rolling deployment is what CloudFormation does to the resource Service; what comes before it
and after it is ours. The report, with medians: build/bench/activation_time.json.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from datetime import UTC, datetime
from typing import Any

from benchmarks.local_platform import local_platform, write_report
from tests.e2e.platform import ROOT
from tests.e2e.rotating import Rotating

REPORT = ROOT / "build" / "bench" / "activation_time.json"


def logged(service: Rotating, function: str, version: str) -> dict[str, float]:
    """When a function first said each outcome, or did each step, about a version.

    Returns:
        seconds since 1970, by outcome; of rotate, by step.
    """
    pages = (
        service.platform.aws.client("logs")
        .get_paginator("filter_log_events")
        .paginate(logGroupName=f"/aws/lambda/shop-{function}", filterPattern=f'"{version}"')
    )
    found: dict[str, float] = {}
    for page in pages:
        for event in page["events"]:
            line = json.loads(event["message"])
            said = line["message"]
            at = datetime.strptime(line["timestamp"], "%Y-%m-%d %H:%M:%S,%f").replace(tzinfo=UTC)
            found.setdefault(said.get("step") or said["outcome"], at.timestamp())
    return found


def stack_events(service: Rotating, version: str) -> dict[str, float]:
    """When the flip to a version began and ended, and its rolling deployment.

    Returns:
        seconds since 1970, by resource and status; the stack itself is called Stack.
    """
    cloudformation = service.platform.aws.client("cloudformation")
    pages = cloudformation.get_paginator("describe_stack_events").paginate(
        StackName=service.stack_name
    )
    return {
        f"{logical_id} {event['ResourceStatus']}": event["Timestamp"].timestamp()
        for page in pages
        for event in page["StackEvents"]
        if event.get("ClientRequestToken") == f"flip-{version}"
        for logical_id in [event["LogicalResourceId"].replace(service.stack_name, "Stack")]
    }


def split(service: Rotating, version: str, called: float, gone: float) -> dict[str, float]:
    """Whose the seconds of one rotation are.

    Args:
        service: that moved.
        version: that it moved to.
        called: when RotateSecret was called, seconds since 1970.
        gone: when no task with the old user was left.
    """
    finished = logged(service, "rotate", version)["finishSecret"]
    events = stack_events(service, version)
    began, ended = events["Service UPDATE_IN_PROGRESS"], events["Service UPDATE_COMPLETE"]
    flip, complete = events["Stack UPDATE_IN_PROGRESS"], events["Stack UPDATE_COMPLETE"]
    return {
        "rotate: four steps": finished - called,
        "event, queue, activate": flip - finished,
        "stack before the deployment": began - flip,
        "rolling deployment": ended - began,
        "stack after it": complete - ended,
        "old tasks drain": max(gone - complete, 0.0),
        "ours": complete - called - (ended - began),
        "all": max(gone, complete) - called,
    }


def rotate(service: Rotating) -> dict[str, float]:
    """Rotate the idle user and wait until no task has the other one; return the split."""
    user, called = service.idle, time.time()
    version = service.secrets.rotate_secret(SecretId=service.secret(user))["VersionId"]
    service.eventually(
        lambda: "Stack UPDATE_COMPLETE" in stack_events(service, version), f"it is with {user}"
    )
    service.eventually(lambda: service.task_users() == {user}, f"no task is without {user}")
    gone = time.time()
    service.wait_for(user)
    return split(service, version, called, gone)


def main() -> int:
    """Measure, write the report; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=7, help="number of rotations")
    count = parser.parse_args().count
    with local_platform() as platform:
        image = platform.aws.push_image(ROOT / "examples" / "orders", "orders:1")
        service = Rotating(platform, "orders", image)
        service.deploy()
        runs = [rotate(service) for _ in range(count)]
    report: dict[str, Any] = {
        "rotations": count,
        "median_seconds": {
            part: round(statistics.median(run[part] for run in runs), 2) for part in runs[0]
        },
        "runs": [{part: round(seconds, 2) for part, seconds in run.items()} for run in runs],
    }
    write_report(REPORT, report)
    print(json.dumps(report["median_seconds"], indent=2))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
