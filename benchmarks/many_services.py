"""Fifty services deployed at once: how long, how much memory, and whether all answer.

Run from the repository: ``.venv/bin/python -m benchmarks.many_services [--count 50]``.
Every service has a database, a listener rule and one task of examples/orders; every deployment is
an ansible-playbook of its own, all started at the same moment. The report:
build/bench/many_services.json.
"""

from __future__ import annotations

import argparse
import json
import threading
import time
from pathlib import Path
from typing import Any

from benchmarks.local_platform import local_platform, write_report
from tests.e2e.platform import ROOT, Platform

REPORT = ROOT / "build" / "bench" / "many_services.json"


class Memory:
    """Samples the memory in use on this machine, twice a second, and keeps the peak."""

    def __init__(self) -> None:
        self.before = self._used()
        self.peak = self.before
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    @staticmethod
    def _used() -> int:
        """Bytes in use: MemTotal - MemAvailable of /proc/meminfo (proc(5))."""
        lines = Path("/proc/meminfo").read_text().splitlines()
        fields = {line.split(":")[0]: int(line.split()[1]) * 1024 for line in lines}
        return fields["MemTotal"] - fields["MemAvailable"]

    def _watch(self) -> None:
        while not self._done.wait(0.5):
            self.peak = max(self.peak, self._used())

    def stop(self) -> int:
        """Stop sampling; return the peak above what was in use before, in bytes."""
        self._done.set()
        self._thread.join()
        return self.peak - self.before


def deploy_at_once(platform: Platform, count: int) -> dict[str, Any]:
    """Deploy `count` services at once and call each; return the figures."""
    image = platform.aws.push_image(ROOT / "examples" / "orders", "orders:1")
    names = [f"bench-{n}" for n in range(count)]
    memory, start = Memory(), time.monotonic()
    playbooks = [
        platform.start_playbook("playbooks/service.yml", **platform.service(name, image))
        for name in names
    ]
    outputs = [playbook.communicate()[0] for playbook in playbooks]
    seconds, peak = time.monotonic() - start, memory.stop()
    failed = [out for playbook, out in zip(playbooks, outputs, strict=True) if playbook.returncode]
    if failed:
        print(failed[0])
    deployed = platform.stack_names()
    priorities = {
        platform.outputs(f"shop-service-{name}")["ListenerPriority"]
        for name in names
        if f"shop-service-{name}" in deployed
    }
    answers = [platform.call(name, "/orders").status for name in names]
    return {
        "services": count,
        "failed": len(failed),
        "answering": answers.count(200),
        "distinct_priorities": len(priorities),
        "seconds": round(seconds, 1),
        "peak_memory_gib": round(peak / 2**30, 2),
    }


def main() -> int:
    """Deploy, measure, write the report; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=50, help="number of services")
    count = parser.parse_args().count
    with local_platform() as platform:
        report = deploy_at_once(platform, count)
    write_report(REPORT, report)
    print(json.dumps(report, indent=2))
    return int(report["answering"] != count or report["distinct_priorities"] != count)


if __name__ == "__main__":
    raise SystemExit(main())
