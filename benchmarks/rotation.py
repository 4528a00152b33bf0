"""The denial meter's run: blue/green rotation, and single-user rotation for comparison.

Run from the repository: ``make bench-rotation``. On a local AWS of its own it deploys two services
with examples/orders, and measures (tests/e2e/denial_meter.py) while

- blue/green: the users are rotated and the service flips, a deployment fails and is rolled back, a
  flip fails and is rolled back, the next rotations come, and the functions are killed in each of
  rotate's steps and in activate, early, later, and right before they answer (interrupted.py);
- single user: the password of the one user is changed as AWS's single-user function changes it, and
  the service is redeployed at once, which is the best that can be done.

HTTP traffic goes on all the time. Writes build/bench/rotation.json and docs/denied-logins.svg. The
server's scram_iterations is lowered for the users, so that more logins fit into the time: it is the
client that has to compute less.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import json
import secrets
import shutil
import sys
import tempfile
import time
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import psycopg2
from psycopg2 import sql
from psycopg2.extensions import encrypt_password

from benchmarks.plot import svg
from local_aws.control import LocalAws
from tests.e2e.denial_meter import DenialMeter, Tally, Target
from tests.e2e.platform import ROOT, RUNTIME, Platform, platform_variables
from tests.e2e.traffic import traffic_on

REPORT = ROOT / "build" / "bench" / "rotation.json"
PLOT = ROOT / "docs" / "denied-logins.svg"
ATTEMPTS = 50_000
MINUTES = 25
PATIENCE = 90  # seconds
SETTLED = 3  # seconds; longer than a rotation waits after a deployment on the local AWS
SINGLE_ROTATIONS = 4
INTERRUPTIONS = "interruptions"  # the folder in which the functions look whether they shall die
OTHER = {"blue": "green", "green": "blue"}
STEPS = ("createSecret", "setSecret", "testSecret", "finishSecret", "activate")
# Before which of its calls a step is killed; the last number is more than any step makes.
CALLS = (2, 4, 1000)


def wait_until(question: Callable[[], Any], what: str, pause: float = 0.1) -> None:
    """Ask until the answer is true.

    Raises:
        TimeoutError: it isn't after PATIENCE seconds.
    """
    end = time.monotonic() + PATIENCE
    while not question():
        if time.monotonic() > end:
            raise TimeoutError(f"After {PATIENCE} s it isn't so: {what}.")
        time.sleep(pause)


class Measured:
    """A service with a database, and what the benchmark does to it.

    Args:
        platform: where it is deployed.
        name: its name.
        image: of examples/orders, with the switch that `Bench` puts into it.
        users: blue-green or blue.
    """

    def __init__(self, platform: Platform, name: str, image: str, users: str) -> None:
        self.platform, self.name = platform, name
        self.variables = platform.service(
            name, image, service_desired_count=2, service_database_users=users
        )
        self.secretsmanager = platform.aws.client("secretsmanager")
        self.ecs = platform.aws.client("ecs")

    def deploy(self) -> None:
        """Deploy it, with logins that cost the meter less."""
        self.platform.play("examples/orders/deploy.yml", **self.variables)
        for user in self.variables["service_database_users"].split("-"):
            self.lower_iterations(f"{self.name}_{user}")

    def lower_iterations(self, role: str) -> None:
        """Have the passwords that a role sets from now on checked with less work."""
        with self._admin() as cursor:
            statement = sql.SQL("ALTER ROLE {} SET scram_iterations = 1")
            cursor.execute(statement.format(sql.Identifier(role)))

    @contextlib.contextmanager
    def _admin(self) -> Iterator[Any]:
        outputs = self.platform.outputs(f"{self.platform.name}-rds")
        password = self.platform.aws.client("ssm").get_parameter(
            Name=outputs["DatabaseAdminPasswordParameter"], WithDecryption=True
        )["Parameter"]["Value"]
        with _connected(
            outputs["DatabaseHost"],
            outputs["DatabasePort"],
            outputs["DatabaseAdminUsername"],
            password,
        ) as cursor:
            yield cursor

    @property
    def target(self) -> Target:
        """What the meter has to know."""
        environment = self.platform.aws.environment
        return Target(
            database=self.name,
            port=self.platform.outputs(f"{self.platform.name}-rds")["DatabasePort"],
            cluster=self.platform.name,
            service=self.name,
            client={
                "endpoint_url": environment["AWS_ENDPOINT_URL"],
                "region_name": environment["AWS_REGION"],
                "aws_access_key_id": environment["AWS_ACCESS_KEY_ID"],
                "aws_secret_access_key": environment["AWS_SECRET_ACCESS_KEY"],
            },
        )

    @property
    def active(self) -> str:
        """The active user."""
        return self.platform.outputs(f"{self.platform.name}-service-{self.name}")["ActiveUser"]

    def secret(self, user: str) -> str:
        """Name of a user's secret."""
        return f"{self.platform.name}/{self.name}/db/{user}"

    def value(self, user: str, version: str | None = None) -> dict[str, Any] | None:
        """A version of a user's secret, AWSCURRENT if none is named; None without a value."""
        which = {"VersionId": version} if version else {}
        try:
            answer = self.secretsmanager.get_secret_value(SecretId=self.secret(user), **which)
        except self.secretsmanager.exceptions.ResourceNotFoundException:
            return None
        return dict(json.loads(answer["SecretString"]))

    def is_settled(self, user: str) -> bool:
        """Whether the stack is steady with a user and every old task is gone."""
        cloudformation = self.platform.aws.client("cloudformation")
        name = f"{self.platform.name}-service-{self.name}"
        (stack,) = cloudformation.describe_stacks(StackName=name)["Stacks"]
        busy = stack["StackStatus"].endswith("_IN_PROGRESS")
        return not busy and self.active == user and not self._draining()

    def _draining(self) -> bool:
        deployments = self.ecs.describe_services(cluster=self.platform.name, services=[self.name])[
            "services"
        ][0]["deployments"]
        if any(it["rolloutState"] == "IN_PROGRESS" for it in deployments):
            return True
        arns = self.ecs.list_tasks(
            cluster=self.platform.name, family=f"{self.platform.name}-{self.name}",
            desiredStatus="STOPPED",
        )["taskArns"]  # fmt: skip
        tasks = self.ecs.describe_tasks(cluster=self.platform.name, tasks=arns[-100:])["tasks"]
        return any(task["lastStatus"] != "STOPPED" for task in tasks if arns)

    def settle(self, user: str) -> None:
        """Wait until the service may be rotated again."""
        wait_until(lambda: self.is_settled(user), f"{self.name} is steady with {user}")
        time.sleep(SETTLED)

    # --- Blue/green ---

    def rotate(self) -> None:
        """Rotate the idle user as people do."""
        self.platform.play(
            "playbooks/rotate.yml", service_platform=self.platform.name, service_name=self.name
        )

    def fail_deployment(self, image: str) -> None:
        """Deploy an image that crashes; it is rolled back."""
        self.platform.play_in_vain(
            "examples/orders/deploy.yml", **{**self.variables, "service_image": image}
        )

    def fail_flip(self, switch: Path) -> None:
        """Rotate, while tasks of the rotated user crash; the flip is rolled back."""
        active = self.active
        flag = switch / f"crash-{OTHER[active]}"
        flag.touch()
        try:
            self.platform.play_in_vain(
                "playbooks/rotate.yml", service_platform=self.platform.name, service_name=self.name
            )
        finally:
            flag.unlink()
        self.settle(active)

    def rotate_by_itself(self) -> None:
        """Rotate the idle user as a schedule does."""
        self.settle(self.active)
        user = OTHER[self.active]
        self.secretsmanager.rotate_secret(SecretId=self.secret(user))
        wait_until(lambda: self.is_settled(user), f"{self.name} is steady with {user}")

    def rotate_and_kill(self, step: str, call: int, interruptions: Path) -> None:
        """Rotate the idle user, and kill the function before a call in a step."""
        (interruptions / step).write_text(str(call))
        self.rotate_by_itself()
        if (interruptions / step).exists():
            raise RuntimeError(f"The step {step} was not killed: it did not come.")

    # --- Single user ---

    def rotate_in_place(self) -> None:
        """Change the password of the one user, then deploy the service again at once.

        Source: Secrets Manager user guide, "Single user": the user changes its own password in
        setSecret, and finishSecret moves AWSCURRENT.
        """
        value = self.value("blue")
        assert value is not None
        password = secrets.token_urlsafe(24)
        with _connected(
            value["host"], value["port"], value["username"], value["password"]
        ) as cursor:
            verifier = encrypt_password(
                password, value["username"], scope=cursor.connection, algorithm="scram-sha-256"
            )
            role = sql.Identifier(value["username"])
            cursor.execute(sql.SQL("ALTER ROLE {} PASSWORD %s").format(role), (verifier,))
        self.secretsmanager.put_secret_value(
            SecretId=self.secret("blue"), SecretString=json.dumps({**value, "password": password})
        )
        self.ecs.update_service(
            cluster=self.platform.name, service=self.name, forceNewDeployment=True
        )
        time.sleep(1)
        self.settle("blue")


@contextlib.contextmanager
def _connected(host: str, port: Any, user: str, password: str) -> Iterator[Any]:
    connection = psycopg2.connect(
        host=host, port=port, user=user, password=password, dbname="postgres",
        sslmode="require", options="-c role=none",
    )  # fmt: skip
    connection.autocommit = True
    with contextlib.closing(connection), connection.cursor() as cursor:
        yield cursor


class Run:
    """A measurement: what was done when, and its figures."""

    def __init__(self, service: Measured, deadline: float) -> None:
        self.service, self._deadline = service, deadline
        self._start = time.time()
        self.events: list[tuple[float, str]] = []
        self.tally = Tally()
        self.requests, self.http_failed = 0, 0
        self.attempts: Callable[[], int] = lambda: 0
        self.killed: Counter[str] = Counter()  # by step

    def do(self, what: str, action: Callable[[], Any]) -> Any:
        """Do one thing and write down when."""
        self.events.append((round(time.time() - self._start, 1), what))
        told = f"{self.service.name}: {what}"
        print(f"{time.time() - self._start:7.1f} s  {told} ({self.attempts()} logins)", flush=True)
        return action()

    def is_over(self) -> bool:
        """Whether the time is over."""
        return time.monotonic() > self._deadline

    def measure(self, work: Callable[[DenialMeter], None]) -> None:
        """Do the work under the meter and under traffic."""
        meter = DenialMeter(self.service.target, self._start)
        self.attempts = lambda: meter.attempts
        calls = traffic_on(self.service.platform, self.service.name, "/orders")
        with meter, calls as traffic:
            wait_until(lambda: meter.attempts > 0, "the meter measures")
            work(meter)
        self.tally = meter.tally
        self.requests, self.http_failed = traffic.sent, traffic.failed

    def figures(self) -> dict[str, Any]:
        """What stands in the report."""
        return {
            "attempts": self.tally.attempts.total(),
            "denied": self.tally.denied.total(),
            "http_failed": self.http_failed,
            "http_requests": self.requests,
            "errors": dict(self.tally.errors),
            "seconds": round(time.time() - self._start, 1),
            "killed": dict(self.killed),
            "events": self.events,
        }

    def denied_over_time(self) -> list[tuple[float, float]]:
        """Denied logins so far, by the second."""
        total, points = 0, [(0.0, 0.0)]
        for second in range(max(self.tally.attempts, default=0) + 1):
            total += self.tally.denied[second]
            points.append((second + 1.0, float(total)))
        return points


def blue_green(service: Measured, crash: str, folder: Path, attempts: int, end: float) -> Run:
    """Two full cycles with a failed deployment and a failed flip, kills, and more cycles."""
    run = Run(service, end)

    def work(meter: DenialMeter) -> None:
        run.do("rotate and flip", service.rotate)
        run.do("rotate and flip", service.rotate)
        run.do("deployment fails", lambda: service.fail_deployment(crash))
        run.do("rotate, flip fails", lambda: service.fail_flip(folder))
        run.do("rotate and flip", service.rotate)
        run.do("rotate and flip", service.rotate)
        for step, call in itertools.product(STEPS, CALLS):
            kill = partial(service.rotate_and_kill, step, call, folder / INTERRUPTIONS)
            run.do(f"rotate, kill in {step}", kill)
        while meter.attempts < attempts and not run.is_over():
            run.do("rotate and flip", service.rotate_by_itself)

    run.measure(work)
    run.killed = Counter((folder / INTERRUPTIONS / "killed").read_text().split())
    return run


def single_user(service: Measured, end: float) -> Run:
    """As many rotations of the one user as two full cycles have."""
    run = Run(service, end)

    def work(_: DenialMeter) -> None:
        for _number in range(SINGLE_ROTATIONS):
            run.do("rotate in place and redeploy", service.rotate_in_place)

    run.measure(work)
    return run


def image_with_switch(folder: Path) -> Path:
    """Copy examples/orders so that its tasks crash for a user whose flag is set; return it."""
    made = folder / "orders"
    shutil.copytree(ROOT / "examples" / "orders", made)
    flag = f"! test -e {folder}/crash-$DB_ACTIVE_USER && exec python -m orders"
    dockerfile = (made / "Dockerfile").read_text().rpartition("\nCMD ")[0]
    command = json.dumps(["sh", "-c", flag])
    (made / "Dockerfile").write_text(f"{dockerfile}\nCMD {command}\n")
    return made


def functions_that_can_be_killed(folder: Path) -> dict[str, Any]:
    """Build the functions with the handlers of interrupted.py; return the platform's variables."""
    variables = platform_variables()
    built = next(Path(variables["support_functions_directory"]).glob(f"{RUNTIME}-*"))
    copy = folder / "functions" / built.name
    shutil.copytree(built, copy)
    (folder / INTERRUPTIONS).mkdir()
    manifest = json.loads((copy / "manifest.json").read_text())
    for function in ("rotate", "activate"):
        mortal = copy / f"interrupted-{function}.zip"
        shutil.copy(copy / manifest[function]["file"], mortal)
        manifest[function]["file"] = mortal.name
        with zipfile.ZipFile(mortal, "a") as archive:
            archive.write(Path(__file__).with_name("interrupted.py"), "interrupted.py")
        properties = {
            "Handler": f"interrupted.{function}",
            "Environment": {"Variables": {"INTERRUPTIONS": str(folder / INTERRUPTIONS)}},
        }
        resources = variables["rotation_overrides"]["Resources"]
        resources[f"{function.title()}Function"] = {"Properties": properties}
    (copy / "manifest.json").write_text(json.dumps(manifest))
    return variables | {"support_functions_directory": str(copy.parent)}


def measure(aws: LocalAws, folder: Path, attempts: int, minutes: float) -> dict[str, Run]:
    """Deploy everything and measure both methods."""
    end = time.monotonic() + minutes * 60
    platform = Platform(aws, cold=True)
    variables = functions_that_can_be_killed(folder)
    platform.play("playbooks/platform.yml", platform=platform.name, **variables)
    image = aws.push_image(image_with_switch(folder), "orders:1")
    crash = aws.push_image(ROOT / "tests" / "images" / "crash", "crash:1")
    first = Measured(platform, "orders", image, "blue-green")
    second = Measured(platform, "legacy", image, "blue")
    first.lower_iterations(platform.outputs(f"{platform.name}-rds")["DatabaseAdminUsername"])
    first.deploy()
    second.deploy()
    ours = blue_green(first, crash, folder, attempts, end)
    return {"blue_green": ours, "single_user": single_user(second, end)}


def table(figures: dict[str, dict[str, Any]]) -> str:
    """Return the figures as a table."""
    heads = ("attempts", "denied", "http_requests", "http_failed", "seconds")
    rows: list[tuple[str, ...]] = [("method", *heads)]
    rows += [(name, *(f"{its[head]:,}" for head in heads)) for name, its in figures.items()]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join(
        "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True))
        for row in rows
    )


def main() -> int:
    """Measure, write the report; return 0 if blue/green denied nobody and single user did."""
    parser = argparse.ArgumentParser(description="Count denied logins through rotations.")
    parser.add_argument("--attempts", type=int, default=ATTEMPTS, help="at least so many logins")
    parser.add_argument("--minutes", type=float, default=MINUTES, help="no new cycle after these")
    arguments = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="quayside-") as name,
        LocalAws.start(Path(name) / "state") as aws,
    ):
        runs = measure(aws, Path(name), arguments.attempts, arguments.minutes)
    figures = {name: run.figures() for name, run in runs.items()}
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    REPORT.write_text(json.dumps(figures, indent=2) + "\n")
    title = "Denied logins so far, under continuous logins and rotations"
    lines = {
        "blue/green (Quayside)": runs["blue_green"].denied_over_time(),
        "single user, injected credentials": runs["single_user"].denied_over_time(),
    }
    PLOT.write_text(svg(title, ("seconds", "denied logins"), lines))
    print(f"\n{table(figures)}\n\nWritten: {REPORT.relative_to(ROOT)}, {PLOT.relative_to(ROOT)}")
    ours, theirs = figures["blue_green"], figures["single_user"]
    if ours["attempts"] < arguments.attempts:
        print(f"Fewer than {arguments.attempts:,} logins: the machine was too slow or too busy.")
        return 1
    return int(bool(ours["denied"] or ours["http_failed"] or not theirs["denied"]))


if __name__ == "__main__":
    sys.exit(main())
