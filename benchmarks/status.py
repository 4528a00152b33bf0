"""status.yml on a platform of 500 services, with 40 ms a call: seconds and calls.

Run from the repository: ``.venv/bin/python -m benchmarks.status [--services 500]``. Five hundred
services are more than one machine runs: one service is deployed on a local AWS, what it answers is
recorded, and a loopback server (benchmarks/recorded_aws.py) gives those answers for each of the
services, under its name, as slowly as asked and as throttled as AWS says. The whole of
ansible-playbook is measured. The report: build/bench/status.json.

Cases: `all` may do everything. `read.json` may not describe stacks without naming them, list
secrets, nor ask CloudTrail, as who has that policy alone.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.local_platform import local_platform, write_report
from benchmarks.recorded_aws import NAME, Recorded, Served, record, serving
from tests.e2e.platform import ROOT, Platform

REPORT = ROOT / "build" / "bench" / "status.json"
MOST_SECONDS = 10
DENIED = {"all": (), "read.json": ("DescribeStacks", "ListSecrets", "LookupEvents")}


def recorded() -> Recorded:
    """Deploy one service on a local AWS, and record what status.yml asks about it."""
    with local_platform() as platform:
        image = platform.aws.push_image(ROOT / "examples" / "orders", f"{NAME}:1")
        platform.play("playbooks/service.yml", **platform.service(NAME, image))
        _ring(platform)
        return record(platform.aws, platform.name)


def _ring(platform: Platform) -> None:
    """Set one alarm off, so that there is one to be told of."""
    platform.aws.client("cloudwatch").set_alarm_state(
        AlarmName=f"{platform.name}-service-{NAME}-cpu", StateValue="ALARM", StateReason="shown"
    )


def run(playbook: Path, server: Served) -> tuple[float, float, dict[str, Any]]:
    """Run status.yml once; return its seconds, those of the processor, and its answer."""
    environment = {
        **os.environ,
        "AWS_ENDPOINT_URL": server.endpoint,
        "AWS_ACCESS_KEY_ID": "AKIARECORDED",
        "AWS_SECRET_ACCESS_KEY": "recorded",
        "AWS_REGION": server.region,
        "ANSIBLE_STDOUT_CALLBACK": "quayside.fargate.silent",
    }
    program = Path(sys.executable).with_name("ansible-playbook")
    arguments = ["-e", f"service_platform={server.platform}", "-e", "format=json"]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    done = subprocess.run(
        [str(program), str(playbook), *arguments],
        cwd=playbook.parents[1],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    seconds = time.perf_counter() - start
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    processor = spent.ru_utime + spent.ru_stime - before.ru_utime - before.ru_stime
    if done.returncode:
        sys.exit(f"{playbook} failed:\n{done.stdout}{done.stderr}")
    answer: dict[str, Any] = json.loads(done.stdout)
    return seconds, processor, answer


def complete(answer: dict[str, Any]) -> int:
    """Return of how many services all was told: image, tag, tasks, deployment, users."""
    return sum(
        bool(
            it["image"]["tags"]
            and it["image"]["digest"]
            and it["tasks"]["running"] == it["tasks"]["desired"]
            and it["last_deployment"]["result"] == "ok"
            and it["url"]
            and it["monitoring"]
        )
        for it in answer["services"]
    )


def measure(
    playbook: Path, found: Recorded, options: argparse.Namespace, case: str
) -> dict[str, Any]:
    """Run a case several times; return its figures."""
    with serving(found, options.services, options.milliseconds / 1000, DENIED[case]) as server:
        seconds, processor, answers = zip(
            *(run(playbook, server) for _ in range(options.runs)), strict=True
        )
        calls = server.calls()
    return {
        "seconds": round(statistics.median(seconds), 2),
        "processor_seconds": round(statistics.median(processor), 2),
        "each": [round(it, 2) for it in seconds],
        "complete": min(map(complete, answers)) if "image" in answers[0]["services"][0] else None,
        "rotations": sum(bool(it["users"]) for it in answers[-1]["services"]),
        "makers": sum(
            bool((it.get("last_deployment") or {}).get("by")) for it in answers[-1]["services"]
        ),
        "calls": sum(calls["answered"].values()) / options.runs,
        "calls_by_action": {
            name: count / options.runs for name, count in sorted(calls["answered"].items())
        },
        "throttled": calls["throttled"],
        "at_once": calls["at_once"],
        "load_average": round(os.getloadavg()[0], 1),
    }


def main() -> int:
    """Measure, write the report; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--services", type=int, default=500)
    parser.add_argument("--milliseconds", type=int, default=40, help="a call takes")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--recorded", type=Path, help="a file to keep what was recorded in")
    parser.add_argument(
        "--playbook", type=Path, default=ROOT / "playbooks" / "status.yml", help="that is measured"
    )
    options = parser.parse_args()
    if options.recorded and options.recorded.exists():
        found = Recorded.read(options.recorded)
    else:
        found = recorded()
        if options.recorded:
            found.write(options.recorded)
    report = {
        "services": options.services,
        "milliseconds_a_call": options.milliseconds,
        "runs": options.runs,
        **{case: measure(options.playbook.resolve(), found, options, case) for case in DENIED},
    }
    write_report(REPORT, report)
    print(json.dumps(report, indent=2))
    return int(any(report[case]["seconds"] > MOST_SECONDS for case in DENIED))


if __name__ == "__main__":
    raise SystemExit(main())
