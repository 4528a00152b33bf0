"""The database is away for 5, 60 and 150 seconds, at every moment at which a rotation needs it.

Five services of one platform are each at another moment when their database goes away: that delays
them, and nobody is denied. build/walks/outages.json says who made it good: the call that met the
outage, the next try, or the daily sweep.
"""

from __future__ import annotations

import json
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

import pytest
from botocore.config import Config

from local_aws.control import LocalAws
from tests.e2e.activation_queue import Queue
from tests.e2e.denial_meter import Target, Tasks
from tests.e2e.platform import ROOT, Platform, platform_variables
from tests.e2e.rotating import OTHER, SETTLED, Rotating

pytestmark = pytest.mark.timeout(1200)
FIGURES = ROOT / "build" / "walks" / "outages.json"
MOMENTS = ("createSecret", "setSecret", "finishSecret", "flip", "deployment")
OUTAGES = [(5, "cut"), (60, "failover"), (150, "stop")]
PATIENCE = 240  # seconds, after the database is back
PAUSE = 0.3  # seconds between two logins of a service
STEPS = ("createSecret", "setSecret", "testSecret")


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    with LocalAws.start(tmp_path_factory.mktemp("aws") / "state") as running:
        yield running


@pytest.fixture(scope="module")
def platform(aws: LocalAws) -> Platform:
    deployed = Platform(aws)
    deployed.play("playbooks/platform.yml", platform=deployed.name, **platform_variables())
    return deployed


@pytest.fixture(scope="module")
def services(platform: Platform) -> dict[str, Rotating]:
    """A service for each moment."""
    image = platform.aws.push_image(ROOT / "tests" / "images" / "hello", "hello:1")
    made = {
        moment: Rotating(platform, moment.lower(), image, service_desired_count=1)
        for moment in MOMENTS
    }
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda service: service.deploy(), made.values()))
    return made


@pytest.fixture(scope="module")
def figures() -> Iterator[list[dict[str, Any]]]:
    rows: list[dict[str, Any]] = []
    yield rows
    FIGURES.parent.mkdir(parents=True, exist_ok=True)
    FIGURES.write_text(json.dumps(rows, indent=2) + "\n")


class Logins:
    """Logs in again and again with what every living task holds, while a block lasts."""

    def __init__(self, services: list[Rotating]) -> None:
        self.results: Counter[str] = Counter()
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._run, args=(service,), daemon=True) for service in services
        ]

    def _run(self, service: Rotating) -> None:
        port = service.platform.outputs("shop-rds")["DatabasePort"]
        tasks = Tasks(Target(service.name, port, "shop", service.name, {}))
        while not self._stop.wait(PAUSE):
            for login in tasks.living():
                refusal = login.refusal()
                if not refusal or not login.is_over():
                    self.results[refusal] += 1

    @property
    def denied(self) -> int:
        """Logins that were denied for a wrong password; an absent server denies nobody."""
        return sum(n for said, n in self.results.items() if "authentication failed" in said)

    def __enter__(self) -> Logins:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(30)


@dataclass
class Case:
    """One service at its moment.

    moment: of MOMENTS; service: that is at it; user: who is to be active in the end; version: of
    the rotation; go: what meets the outage; tries: how often it was tried.
    """

    moment: str
    service: Rotating
    user: str
    version: str = ""
    go: Callable[[], None] = lambda: None
    tries: int = 1
    failures: list[str] = field(default_factory=list)

    def is_done(self) -> bool:
        """Whether the service is where it shall be, and steady."""
        steady = str(self.service.stack["StackStatus"]).endswith("_COMPLETE")
        rotated = not self.version or self.service.labels(self.user).get("ROTATED") == self.version
        return steady and rotated and self.service.active == self.user

    def is_left_to_the_sweep(self) -> bool:
        said = self.service.said("activate", self.version) if self.version else []
        return bool(said) and said[-1]["outcome"] == "left to the daily sweep"

    @property
    def recovered(self) -> str:
        """Who made it good."""
        if not self.version:
            return "in the call" if self.tries == 1 else "by the next run"
        if any(it["action"] == "sweep" for it in self.service.said("activate", self.version)):
            return "by the sweep"
        failed = [
            it for it in self.service.said("rotate", self.version) if it["outcome"] == "failed"
        ]
        return "by the next try" if failed else "in the call"


def staged(service: Rotating, user: str, steps: tuple[str, ...]) -> str:
    """Begin a rotation, do some of its steps, and return the version."""
    version = str(uuid.uuid4())
    secret = service.secret(user)
    value = json.loads(service.secrets.get_secret_value(SecretId=secret)["SecretString"])
    service.secrets.put_secret_value(
        SecretId=secret,
        ClientRequestToken=version,
        SecretString=json.dumps(value | {"password": uuid.uuid4().hex}),
        VersionStages=["AWSPENDING"],
    )
    for step in steps:
        assert not do(service, user, version, step)
    return version


def do(service: Rotating, user: str, version: str, step: str) -> str:
    """Do a step; return what it failed with."""
    functions = service.platform.aws.client(
        "lambda", config=Config(read_timeout=320, retries={"total_max_attempts": 1})
    )
    arn = service.secrets.describe_secret(SecretId=service.secret(user))["ARN"]
    event = {"Step": step, "SecretId": arn, "ClientRequestToken": version}
    answer = functions.invoke(FunctionName="shop-rotate", Payload=json.dumps(event))
    return answer["Payload"].read().decode() if "FunctionError" in answer else ""


def until_done(case: Case, attempt: Callable[[], str]) -> Callable[[], None]:
    """Try as Secrets Manager, or a person, does: again and again."""

    def run() -> None:
        end = time.monotonic() + 150 + PATIENCE
        while (failure := attempt()) and time.monotonic() < end:
            case.failures.append(failure)
            case.tries += 1
            time.sleep(2)

    return run


def prepared(moment: str, service: Rotating, queue: Queue, seconds: int) -> Case:
    """Bring a service to its moment."""
    case = Case(moment, service, service.idle)
    secret = service.secret(case.user)

    def rotate() -> None:
        answer = service.secrets.rotate_secret(
            SecretId=secret, **({"ClientRequestToken": case.version} if case.version else {})
        )
        case.version = answer["VersionId"]

    if moment == "createSecret":
        case.go = rotate
    elif moment == "setSecret":
        case.version, case.go = staged(service, case.user, ()), rotate
    elif moment == "finishSecret":
        case.version = staged(service, case.user, STEPS)
        case.go = until_done(case, lambda: do(service, case.user, case.version, "finishSecret"))
    elif moment == "flip":
        queue.hold()
        rotate()
        service.eventually(
            lambda: service.labels(case.user).get("ROTATED") == case.version, "it is rotated"
        )
        case.go = queue.release
    else:
        case.user = service.active
        # The extensions let Custom::Database work in a deployment that rolls the tasks.
        extensions = {5: "citext", 60: "pgcrypto", 150: "hstore"}[seconds]
        changed = service.variables | {
            "service_database_extensions": [extensions],
            "service_environment": {"AWAY": str(seconds)},
        }
        case.go = until_done(case, lambda: deployed(service.platform, changed))
    return case


def deployed(platform: Platform, variables: dict[str, Any]) -> str:
    """Run the service's playbook; return its output if it fails."""
    process = platform.start_playbook("playbooks/service.yml", **variables)
    output, _ = process.communicate(timeout=500)
    return output if process.returncode else ""


def finish(cases: list[Case], queue: Queue, end: float) -> None:
    """Wait for all, and let a day pass for those that are left to the sweep."""
    waiting = list(cases)
    while waiting:
        waiting = [case for case in waiting if not case.is_done()]
        assert time.monotonic() < end, [
            (case.moment, case.service.stack["StackStatus"], case.failures, case.service.logs())
            for case in waiting
        ]
        if any(case.is_left_to_the_sweep() for case in waiting):
            queue.sweep()
        time.sleep(1)


@pytest.mark.parametrize(("seconds", "how"), OUTAGES)
def test_an_outage_at_any_moment_delays_and_denies_nobody(  # noqa: PLR0917 - fixtures
    platform: Platform,
    services: dict[str, Rotating],
    figures: list[dict[str, Any]],
    tmp_path: Path,
    seconds: int,
    how: str,
) -> None:
    queue = Queue(platform)
    cases = [prepared(moment, services[moment], queue, seconds) for moment in MOMENTS]
    with Logins(list(services.values())) as logins:
        time.sleep(3)
        began = time.monotonic()
        identifier = platform.outputs("shop-rds")["DatabaseClusterIdentifier"]
        platform.aws.database_away(identifier, seconds, how)
        with ThreadPoolExecutor(len(cases)) as pool:
            list(pool.map(lambda case: case.go(), cases))
        finish(cases, queue, began + seconds + PATIENCE)
        time.sleep(SETTLED)
    took = round(time.monotonic() - began, 1)

    path = tmp_path / "status.json"
    platform.play("playbooks/status.yml", service_platform="shop", output=str(path))
    status = {it["service"]: it for it in json.loads(path.read_text())["services"]}
    errors = {said[:80]: n for said, n in logins.results.items() if said}
    figures += [
        {
            "away_seconds": seconds,
            "how": how,
            "moment": case.moment,
            "recovered": case.recovered,
            "round_seconds": took,
            "logins_of_the_round": logins.results.total(),
            "denied": logins.denied,
            "not_connected": sum(errors.values()) - logins.denied,
        }
        for case in cases
    ]
    print(json.dumps(figures[-len(cases) :], indent=1), errors)
    assert logins.denied == 0
    assert logins.results[""] > len(cases) * 5
    for case in cases:
        told = status[case.service.name]
        assert told["active_user"] == case.user
        assert told["status"].endswith("_COMPLETE")
        assert told["deployment"] is None
        assert [it["unfinished_rotation"] for it in told["users"].values()] == [None, None]
        assert case.service.task_users() == {case.user}
        for user in OTHER:
            case.service.connect(user).close()
