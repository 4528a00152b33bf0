"""Fifty services rotated at once: whether all flip, how long it takes, and what is tried again.

Run from the repository: ``.venv/bin/python -m benchmarks.many_rotations [--count 50]``.
The services are those of many_services.py. Their idle users' secrets are rotated by RotateSecret,
all in the same moment, as on a schedule that all services share. The report:
build/bench/many_rotations.json.
"""

from __future__ import annotations

import argparse
import json
import re
import statistics
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from benchmarks.activation_time import stack_events
from benchmarks.local_platform import local_platform, write_report
from benchmarks.many_services import deploy_at_once
from tests.e2e.platform import ROOT, Platform
from tests.e2e.rotating import SETTLED, Rotating

REPORT = ROOT / "build" / "bench" / "many_rotations.json"
PATIENCE = 900  # seconds


def messages(platform: Platform, function: str) -> list[dict[str, Any]]:
    """All that a function has said."""
    pages = (
        platform.aws.client("logs")
        .get_paginator("filter_log_events")
        .paginate(logGroupName=f"/aws/lambda/shop-{function}")
    )
    lines = [event["message"] for page in pages for event in page["events"]]
    return [json.loads(line)["message"] for line in lines if line.startswith("{")]


def kind(reason: str) -> str:
    """A reason without its names and numbers, so that reasons can be counted."""
    reason = reason.partition(": ")[2].partition(". ")[0] or reason
    return re.sub(r"(?<=\s)\S*[0-9/]\S*", "...", re.sub(r"bench-\d+", "...", reason))


def rotate_at_once(services: list[Rotating]) -> dict[str, Any]:
    """Rotate the idle user of every service in the same moment, and wait until all have flipped."""
    platform = services[0].platform
    wanted = {service.stack_name: service.idle for service in services}
    start = time.time()
    with ThreadPoolExecutor(len(services)) as pool:
        versions = list(pool.map(_begin, services, wanted.values()))
    while time.time() < start + PATIENCE and not (_flipped(platform, wanted) and _idle(platform)):
        time.sleep(2)  # who asks more often measures himself
    ended = []
    for service, version in zip(services, versions, strict=True):
        complete = stack_events(service, version).get("Stack UPDATE_COMPLETE")
        ended += [complete - start] if complete else []
    rotate = [it for it in messages(platform, "rotate") if it["version"] in versions]
    activate = [
        it
        for it in messages(platform, "activate")
        if it.get("version") in versions and it["outcome"] != "ignored"  # about AWSCURRENT
    ]
    server = (platform.aws.directory / "server.log").read_text(errors="replace")
    attempts = Counter(it["version"] for it in rotate if it["step"] == "createSecret")
    return {
        "services": len(services),
        "flipped": len(ended),
        "seconds_until_the_first": round(min(ended), 1),
        "seconds_median": round(statistics.median(ended), 1),
        "seconds_until_the_last": round(max(ended), 1),
        "rotations_tried_again": sum(tries - 1 for tries in attempts.values()),
        "failed_steps": dict(Counter(re.findall(r"the rotation of \S+ failed at (\w+)", server))),
        "refusals": dict(Counter(kind(it["reason"]) for it in rotate if "reason" in it)),
        "messages_received": len(activate),
        "activation_outcomes": dict(Counter(it["outcome"] for it in activate)),
        "reasons_to_wait": dict(
            Counter(kind(it["reason"]) for it in activate if it["outcome"] == "waiting")
        ),
        "messages_left": not _idle(platform),
    }


def _flipped(platform: Platform, wanted: dict[str, str]) -> bool:
    pages = platform.aws.client("cloudformation").get_paginator("describe_stacks").paginate()
    active = {
        stack["StackName"]: parameter["ParameterValue"]
        for page in pages
        for stack in page["Stacks"]
        if stack["StackStatus"] == "UPDATE_COMPLETE"
        for parameter in stack.get("Parameters", [])
        if parameter["ParameterKey"] == "ActiveUser"
    }
    return all(active.get(stack) == user for stack, user in wanted.items())


def _idle(platform: Platform) -> bool:
    """Whether both queues are empty."""
    outputs = platform.outputs("shop-rotation")
    counts = [
        count
        for url in (outputs["ActivationQueueUrl"], outputs["ActivationDeadLetterQueueUrl"])
        for count in platform.aws.client("sqs")
        .get_queue_attributes(
            QueueUrl=url,
            AttributeNames=[
                "ApproximateNumberOfMessages",
                "ApproximateNumberOfMessagesNotVisible",
            ],
        )["Attributes"]
        .values()
    ]
    return set(counts) == {"0"}


def _begin(service: Rotating, user: str) -> str:
    answer = service.secrets.rotate_secret(SecretId=service.secret(user))
    return str(answer["VersionId"])


def main() -> int:
    """Deploy, rotate, write the report; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=50, help="number of services")
    count = parser.parse_args().count
    with local_platform() as platform:
        deployed = deploy_at_once(platform, count)
        services = [Rotating(platform, f"bench-{number}", "") for number in range(count)]
        time.sleep(SETTLED)
        report = {"deployment_seconds": deployed["seconds"], **rotate_at_once(services)}
        report["answering"] = sum(
            platform.call(service.name, "/orders").status == 200 for service in services
        )
    write_report(REPORT, report)
    print(json.dumps(report, indent=2))
    return int(report["flipped"] != count or report["answering"] != count)


if __name__ == "__main__":
    raise SystemExit(main())
