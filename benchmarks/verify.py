"""Seconds that a look before a deployment takes, where each call to AWS takes 40 ms.

Run from the repository: ``.venv/bin/python -m benchmarks.verify [--runs 7] [--milliseconds 40]``.
playbooks/verify.yml looks at a service with four secrets and four parameters of others, which isn't
there yet (all is looked at), and once it stands. The answers of the local AWS come through a proxy
that keeps each back. The seconds are those of the task, as it tells them itself. The report:
build/bench/verify.json.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import os
import re
import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from benchmarks.local_platform import local_platform, write_report
from tests.e2e.platform import ROOT, Platform

REPORT = ROOT / "build" / "bench" / "verify.json"
_CHUNK = 2**16
_SECONDS = re.compile(r"^    seconds: ([0-9.]+)$", re.M)


class _Front:
    """Passes bytes on, and keeps the first ones of each answer back.

    Args:
        port: of the AWS behind it.
        seconds: how long.
    """

    def __init__(self, port: int, seconds: float) -> None:
        self._port = port
        self._seconds = seconds

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection, until a side ends it."""
        behind, to_behind = await asyncio.open_connection("127.0.0.1", self._port)
        asked = asyncio.Event()
        await asyncio.gather(
            self._forward(reader, to_behind, asked), self._back(behind, writer, asked)
        )

    @staticmethod
    async def _forward(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter, asked: asyncio.Event
    ) -> None:
        while chunk := await reader.read(_CHUNK):
            asked.set()
            writer.write(chunk)
        writer.close()

    async def _back(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, asked: asyncio.Event
    ) -> None:
        while chunk := await reader.read(_CHUNK):
            if asked.is_set():
                asked.clear()
                await asyncio.sleep(self._seconds)
            writer.write(chunk)
        writer.close()


def _run(port: int, seconds: float, told: Connection) -> None:
    async def serve() -> None:
        server = await asyncio.start_server(_Front(port, seconds).serve, "127.0.0.1", 0)
        told.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(serve())


@contextmanager
def delayed(endpoint: str, seconds: float) -> Iterator[str]:
    """Yield the address of a proxy, in a process of its own, behind which AWS is.

    Args:
        endpoint: of AWS.
        seconds: that each answer is kept back.
    """
    here, there = multiprocessing.Pipe()
    proxy = multiprocessing.Process(target=_run, args=(urlsplit(endpoint).port, seconds, there))
    proxy.start()
    try:
        yield f"http://127.0.0.1:{here.recv()}"
    finally:
        proxy.terminate()
        proxy.join()


def service(platform: Platform) -> dict[str, Any]:
    """Return the variables of a service with secrets and parameters of others."""
    aws = platform.aws
    secrets = {
        f"SECRET_{number}": aws.client("secretsmanager").create_secret(
            Name=f"bench-{number}", SecretString="x"
        )["ARN"]
        for number in range(4)
    }
    for number in range(4):
        aws.client("ssm").put_parameter(Name=f"/bench/{number}", Value="x", Type="String")
        arn = f"arn:aws:ssm:{aws.region}:{aws.account}:parameter/bench/{number}"
        secrets[f"PARAMETER_{number}"] = arn
    image = aws.push_image(ROOT / "tests" / "images" / "hello", "hello:1")
    given = {"service_database": False, "service_secrets": secrets}
    return platform.service("bench", image, **given)


def seconds(platform: Platform, endpoint: str, variables: dict[str, Any]) -> float:
    """Run the playbook as a user does; return the seconds of its look.

    Raises: AssertionError if it found anything wrong.
    """
    environment = {**os.environ, **platform.aws.environment, "AWS_ENDPOINT_URL": endpoint}
    program = str(Path(sys.executable).with_name("ansible-playbook"))
    done = subprocess.run(
        [program, "playbooks/verify.yml", "-v", "-e", json.dumps(variables)],
        cwd=ROOT,
        env={**environment, "ANSIBLE_NOCOLOR": "1"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return float(_SECONDS.findall(done.stdout)[-1])


def measure(platform: Platform, endpoint: str, variables: dict[str, Any], runs: int) -> Any:
    """Return the median and all seconds of some runs, and the calls that one makes."""
    before = len(platform.aws.calls())
    taken = [seconds(platform, endpoint, variables) for _ in range(runs)]
    calls = [it.action for it in platform.aws.calls()[before:]]
    return {
        "median_seconds": statistics.median(taken),
        "least_seconds": min(taken),
        "seconds": taken,
        "calls": len(calls) // runs,
        "actions": sorted({*calls}),
    }


def main() -> None:
    """Measure, print and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--milliseconds", type=float, default=40)
    arguments = parser.parse_args()
    report: dict[str, Any] = {"milliseconds_a_call": arguments.milliseconds}
    with local_platform() as platform:
        variables = service(platform)
        endpoint = platform.aws.environment["AWS_ENDPOINT_URL"]
        with delayed(endpoint, arguments.milliseconds / 1000) as slow:
            report["new_service"] = measure(platform, slow, variables, arguments.runs)
            platform.play("playbooks/service.yml", **variables)
            report["standing_service"] = measure(platform, slow, variables, arguments.runs)
    report["load_average"] = round(os.getloadavg()[0], 1)
    write_report(REPORT, report)
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
