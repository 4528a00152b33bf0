"""Sizes and cold starts of the Lambda functions' zips.

The cold start is a new process that imports the handler, in the runtime's own Python, isolated,
with boto3 beside it as Lambda has it, less the time of an empty process. Lambda's own work before
(fetching the zip, starting the sandbox) and its slower processor at 256 MB come on top.

    python -m benchmarks.functions --runtime python3.13
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import time
from pathlib import Path

from custom_resources import build
from tests.integration.custom_resources.isolation import HANDLERS, Isolated, isolated

ROOT = Path(__file__).parents[1]
RESULT = ROOT / "build" / "bench" / "functions.json"
RUNS = 9


def measure(runtime: str) -> dict[str, dict[str, float | int | str]]:
    """Size and cold start of every function.

    Args:
        runtime: such as `python3.13`; a Python of that version must be on this machine.
    """
    output = ROOT / "build" / "functions"
    manifest = build.build(build.Target(runtime, "x86_64"), output)
    measured = {}
    for function, entry in manifest.items():
        path = output / f"{runtime}-x86_64" / str(entry["file"])
        with isolated(path, runtime) as task:
            task.run(_importing(function))  # boto3 is compiled from here on
            wall, cpu = _seconds(task, _importing(function))
            empty_wall, empty_cpu = _seconds(task, "")
        measured[function] = {
            "bytes": entry["bytes"],
            "cold_start_seconds": round(wall - empty_wall, 3),
            "cold_start_cpu_seconds": round(cpu - empty_cpu, 3),
        }
    return measured


def _importing(function: str) -> str:
    return f"import {HANDLERS[function].rpartition('.')[0]}"


def _seconds(task: Isolated, program: str) -> tuple[float, float]:
    """Medians of the seconds on the clock, and of the processor's, which a busy machine spares."""
    wall, cpu = [], []
    for _ in range(RUNS):
        began, used = time.perf_counter(), _children_cpu()
        task.run(program)
        wall.append(time.perf_counter() - began)
        cpu.append(_children_cpu() - used)
    return statistics.median(wall), statistics.median(cpu)


def _children_cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def main() -> None:
    """Measure, print a table and write build/bench/functions.json."""
    parser = argparse.ArgumentParser(description="Sizes and cold starts of the functions.")
    parser.add_argument("--runtime", choices=build.RUNTIMES, default="python3.13")
    runtime = parser.parse_args().runtime
    measured = measure(runtime)
    RESULT.parent.mkdir(parents=True, exist_ok=True)
    result = {"runtime": runtime, "runs": RUNS, "functions": measured}
    RESULT.write_text(json.dumps(result, indent=2) + "\n")
    print(f"{runtime}, medians of {RUNS}")
    print(f"{'function':20}{'zip, bytes':>12}{'cold start, s':>16}{'CPU, s':>10}")
    for function, figures in measured.items():
        seconds = f"{figures['cold_start_seconds']:>16}{figures['cold_start_cpu_seconds']:>10}"
        print(f"{function:20}{figures['bytes']:>12,}{seconds}")


if __name__ == "__main__":
    main()
