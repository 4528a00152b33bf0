"""A rotation with early success beside one without: how long, and who is denied.

Run from the repository: ``.venv/bin/python -m benchmarks.early_success [--count 7]``.
On a local AWS of its own it deploys two services of examples/orders that differ in
``service_early_success`` alone, with the 10 s of deregistration and the 30 s of stop time-out that
the role gives, and rotates the idle user of the one and then of the other, again and again. A
rotation's time is from RotateSecret to the end of the stack's update. Right after an early end
come, in turn, a second deployment, a second rotation and a deployment that fails; their time isn't
measured. Meanwhile new logins are tried without pause (tests/e2e/denial_meter.py), until there were
enough of them or the time is over. The report: build/bench/early_success.json.

On the local AWS a task is up within a second or two, where Fargate takes half a minute to a minute:
on AWS the old tasks' share of a rotation is smaller, and so is what is gained.
"""

from __future__ import annotations

import argparse
import itertools
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from benchmarks.local_platform import write_report
from benchmarks.rotation import ATTEMPTS, OTHER, Measured, wait_until
from local_aws.control import LocalAws
from tests.e2e.denial_meter import DenialMeter
from tests.e2e.platform import ROOT, Platform, platform_variables
from tests.e2e.traffic import traffic_on

REPORT = ROOT / "build" / "bench" / "early_success.json"
COUNT, MINUTES, ASKED_RATIO = 7, 25, 0.65
DEREGISTRATION, STOP = 10, 30  # seconds, the role's defaults
EARLY, WAITING = "early", "waiting"


class Service(Measured):
    """One of the two services.

    Args:
        platform: where it is deployed.
        name: EARLY or WAITING.
        image: of examples/orders.
        seconds: of deregistration.
    """

    def __init__(self, platform: Platform, name: str, image: str, seconds: int) -> None:
        super().__init__(platform, name, image, "blue-green")
        self.variables |= {
            "service_early_success": name == EARLY,
            "service_deregistration_delay_seconds": seconds,
            "service_stop_timeout_seconds": STOP,
        }

    def timed_rotation(self) -> float:
        """Rotate the idle user; return the seconds to the end of the stack's update."""
        user, began = OTHER[self.active], time.monotonic()
        self.secretsmanager.rotate_secret(SecretId=self.secret(user))
        wait_until(lambda: self._is_with(user), f"{self.name} is with {user}")
        return time.monotonic() - began

    def deploy_again(self) -> None:
        """Deploy it with another environment."""
        given = {"service_environment": {"AT": str(time.time())}}
        self.platform.play("examples/orders/deploy.yml", **self.variables | given)

    def rotate_again(self) -> None:
        """Rotate the user that the old tasks still hold: refused, and waited for."""
        self.secretsmanager.rotate_secret(SecretId=self.secret(OTHER[self.active]))
        self.rotate()

    def _is_with(self, user: str) -> bool:
        cloudformation = self.platform.aws.client("cloudformation")
        name = f"{self.platform.name}-service-{self.name}"
        (stack,) = cloudformation.describe_stacks(StackName=name)["Stacks"]
        return bool(stack["StackStatus"] == "UPDATE_COMPLETE" and self.active == user)


class Bench:
    """The run: rotations of both services in turn, and what follows an early end.

    Args:
        early, waiting: the services.
        crash: an image whose container ends at once.
        until: `time.monotonic()` after which nothing new is begun.
    """

    def __init__(self, early: Service, waiting: Service, crash: str, until: float) -> None:
        self._services, self._until = (early, waiting), until
        self._after: Iterator[tuple[str, Callable[[], None]]] = itertools.cycle(
            [
                ("a second deployment", early.deploy_again),
                ("a second rotation", early.rotate_again),
                ("a deployment that fails", lambda: early.fail_deployment(crash)),
            ]
        )
        self.seconds: dict[str, list[float]] = {EARLY: [], WAITING: []}
        self.followed: list[str] = []

    @property
    def is_over(self) -> bool:
        """Whether the time is over."""
        return time.monotonic() > self._until

    def round(self) -> None:
        """Rotate the one and then the other; let something follow the early end."""
        for service in self._services:
            self._one(service)

    def _one(self, service: Service) -> None:
        seconds = service.timed_rotation()
        self.seconds[service.name].append(seconds)
        print(f"{service.name}: {seconds:.1f} s", flush=True)
        if service.name == EARLY:
            what, follow = next(self._after)
            follow()
            self.followed.append(what)
        service.settle(service.active)


def figures(
    seconds: Mapping[str, Sequence[float]], logins: int, denied: int, lost: int, requests: int
) -> dict[str, Any]:
    """Return what stands in the report.

    Args:
        seconds: of each rotation, by service.
        logins, denied: new logins, and how many of them were denied.
        lost, requests: requests, and how many of them got another answer than 200.
    """
    medians = {name: statistics.median(taken) for name, taken in seconds.items()}
    return {
        "rotations": {name: len(taken) for name, taken in seconds.items()},
        "median_seconds": {name: round(it, 2) for name, it in medians.items()},
        "ratio": round(medians[EARLY] / medians[WAITING], 2),
        "asked_ratio": ASKED_RATIO,
        "logins": logins,
        "denied": denied,
        "requests": requests,
        "requests_lost": lost,
        "seconds": {name: [round(it, 2) for it in taken] for name, taken in seconds.items()},
    }


@contextmanager
def _measured(services: Sequence[Service], until: float) -> Iterator[tuple[list[Any], list[Any]]]:
    """Log in and call without pause; a thread of its own sees that nothing outlasts the time."""
    with ExitStack() as stack:
        meters = [stack.enter_context(DenialMeter(it.target, time.time())) for it in services]
        calls = [
            stack.enter_context(traffic_on(it.platform, it.name, "/orders")) for it in services
        ]
        wait_until(lambda: all(meter.attempts for meter in meters), "the meters measure")
        assert time.monotonic() < until, "nothing was measured in time"
        yield meters, calls


def measure(
    count: int, attempts: int, minutes: float, seconds: int = DEREGISTRATION
) -> dict[str, Any]:
    """Deploy both services and measure; return the report.

    Args:
        count: measured rotations of each service.
        attempts: new logins that there must have been; rotations go on until then.
        minutes: after which nothing new is begun.
        seconds: of deregistration.
    """
    until = time.monotonic() + minutes * 60
    with (
        tempfile.TemporaryDirectory(prefix="quayside-") as folder,
        LocalAws.start(Path(folder) / "state") as aws,
    ):
        platform = Platform(aws)
        platform.play("playbooks/platform.yml", platform=platform.name, **platform_variables())
        image = aws.push_image(ROOT / "examples" / "orders", "orders:1")
        crash = aws.push_image(ROOT / "tests" / "images" / "crash", "crash:1")
        early, waiting = (Service(platform, it, image, seconds) for it in (EARLY, WAITING))
        early.lower_iterations(platform.outputs("shop-rds")["DatabaseAdminUsername"])
        for service in (early, waiting):
            service.deploy()
            service.settle(service.active)
        bench = Bench(early, waiting, crash, until)
        with _measured((early, waiting), until) as (meters, calls):
            while not bench.is_over and (
                len(bench.seconds[WAITING]) < count or sum(it.attempts for it in meters) < attempts
            ):
                bench.round()
    report = figures(
        bench.seconds,
        logins=sum(it.tally.attempts.total() for it in meters),
        denied=sum(it.tally.denied.total() for it in meters),
        lost=sum(it.failed for it in calls),
        requests=sum(it.sent for it in calls),
    )
    return report | {"followed_an_early_end": bench.followed, "deregistration_seconds": seconds}


def main() -> int:
    """Measure, write the report; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=COUNT, help="measured rotations")
    parser.add_argument("--attempts", type=int, default=ATTEMPTS, help="logins at least")
    parser.add_argument("--minutes", type=float, default=MINUTES, help="the longest time")
    given = parser.parse_args()
    report = measure(given.count, given.attempts, given.minutes)
    write_report(REPORT, report)
    print(json.dumps(report, indent=2))
    return int(bool(report["denied"]) or report["ratio"] > ASKED_RATIO)


if __name__ == "__main__":
    raise SystemExit(main())
