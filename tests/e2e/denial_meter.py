"""The denial meter: logs in to PostgreSQL without pause, and counts who is denied.

It logs in with what every living task holds (the environment of its process, as it was injected at
the task's start), and with what a task would get that starts now (the secret in the task definition
of the service's deployments). A login counts as denied if PostgreSQL refuses it while its task
lives. On loopback only.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Event
from pathlib import Path
from types import TracebackType
from typing import Any

import boto3
import psycopg2

PROCESSES_OF_TASKS = 2  # one more asks for what a starting task would get
THREADS = 3
_FRESH_SECONDS = 0.05  # so often the living tasks are looked for
_YOUNG_SECONDS = 30.0  # a process that is older has the program that it keeps


@dataclass(frozen=True)
class Login:
    """What a container logs in with; `pid` is its process, 0 for a task that isn't there yet."""

    host: str
    port: str
    database: str
    username: str
    password: str = field(repr=False)
    pid: int = 0

    def refusal(self) -> str:
        """Open one new connection; return why it was refused, "" if it wasn't."""
        try:
            psycopg2.connect(
                host=self.host,
                port=self.port,
                dbname=self.database,
                user=self.username,
                password=self.password,
                sslmode="require",
                connect_timeout=10,
            ).close()
        except psycopg2.OperationalError as error:
            return str(error).strip().rpartition("FATAL:")[2].strip()
        return ""

    def is_over(self) -> bool:
        """Whether the task is gone: nobody is denied any more."""
        return bool(self.pid) and not _is_alive(self.pid)


@dataclass(frozen=True)
class Target:
    """The service that is measured.

    database, port: as its containers have them; cluster, service: its names in ECS; client: what
    boto3 needs to reach the local AWS.
    """

    database: str
    port: str
    cluster: str
    service: str
    client: dict[str, str]


@dataclass
class Tally:
    """Logins by the second in which they were tried, since the meter's start."""

    attempts: Counter[int] = field(default_factory=Counter)
    denied: Counter[int] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)

    def count(self, second: int, refusal: str) -> None:
        """Count one login; what isn't a denial is an error of the measurement."""
        self.attempts[second] += 1
        if "authentication failed" in refusal:
            self.denied[second] += 1
        elif refusal:
            self.errors[refusal] += 1

    def add(self, other: Tally) -> None:
        """Add another tally."""
        self.attempts += other.attempts
        self.denied += other.denied
        self.errors += other.errors


class DenialMeter:
    """Measures a service while the block lasts.

    Args:
        target: what is measured.
        start: the moment (time.time()) that seconds are counted from.
    """

    def __init__(self, target: Target, start: float) -> None:
        spawn = multiprocessing.get_context("spawn")
        self._stop = spawn.Event()
        self._answers: Queue[Tally] = spawn.Queue()
        self._count = spawn.Value("q", 0)
        kinds = [_held] * PROCESSES_OF_TASKS + [_starting]
        self._processes = [
            spawn.Process(
                target=_measure,
                args=(kind, target, start),
                kwargs={"stop": self._stop, "answers": self._answers, "count": self._count},
                daemon=True,
            )
            for kind in kinds
        ]
        self.tally = Tally()

    @property
    def attempts(self) -> int:
        """Logins so far."""
        return int(self._count.value)

    def __enter__(self) -> DenialMeter:
        """Begin."""
        for process in self._processes:
            process.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End, and add up."""
        self._stop.set()
        for _ in self._processes:
            self.tally.add(self._answers.get(timeout=60))
        for process in self._processes:
            process.join(10)


def _measure(
    logins: Any, target: Target, start: float, *, stop: Event, answers: Queue[Tally], count: Any
) -> None:
    os.nice(5)  # what is measured goes before the measurement
    threading.Thread(target=_end_with_parent, args=(os.getppid(),), daemon=True).start()
    tally, lock = Tally(), threading.Lock()
    source = logins(target, stop)

    def run() -> None:
        for login in source():
            if stop.is_set():
                return
            second = int(time.time() - start)
            refusal = login.refusal()
            if refusal and login.is_over():
                continue
            with lock:
                tally.count(second, refusal)
            with count.get_lock():
                count.value += 1

    threads = [threading.Thread(target=run, daemon=True) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    answers.put(tally)


def _end_with_parent(parent: int) -> None:
    """End when the benchmark was killed: nobody else would end a measurement."""
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)


def _held(target: Target, stop: Event) -> Any:
    """Return a source of what the living tasks hold, draining ones too."""
    living: list[Login] = []
    tasks = Tasks(target)

    def look() -> None:
        nonlocal living
        while not stop.is_set():
            living = tasks.living()
            time.sleep(_FRESH_SECONDS)

    def source() -> Iterator[Login]:
        while not stop.is_set():
            now = living
            yield from now
            if not now:
                time.sleep(_FRESH_SECONDS)

    threading.Thread(target=look, daemon=True).start()
    return source


class Tasks:
    """The living tasks of a service, found by the environment of their processes.

    Args:
        target: the service.
    """

    def __init__(self, target: Target) -> None:
        self._target = target
        self._found: dict[int, Login] = {}
        # Processes that are none, with when they were first seen: one that was forked just now has
        # its parent's environment until it executes its program.
        self._others: dict[int, float] = {}

    def living(self) -> list[Login]:
        """What they hold."""
        pids = {int(it.name) for it in Path("/proc").iterdir() if it.name.isdigit()}
        self._found = {pid: login for pid, login in self._found.items() if pid in pids}
        self._others = {pid: seen for pid, seen in self._others.items() if pid in pids}
        now = time.monotonic()
        for pid in pids - set(self._found):
            if now - self._others.setdefault(pid, now) < _YOUNG_SECONDS:
                login = self._login(pid)
                if login:
                    self._found[pid] = login
        return list(self._found.values())

    def _login(self, pid: int) -> Login | None:
        try:
            raw = Path(f"/proc/{pid}/environ").read_bytes()
        except OSError:
            return None  # it ended just now
        if b"DB_PASSWORD=" not in raw:
            return None
        pairs = (item.partition("=") for item in raw.decode(errors="replace").split("\0"))
        held = {name: value for name, _, value in pairs}
        target = self._target
        if (held.get("DB_NAME"), held.get("DB_PORT")) != (target.database, target.port):
            return None
        host, user, password = held["DB_HOST"], held["DB_USERNAME"], held["DB_PASSWORD"]
        return Login(host, target.port, target.database, user, password, pid)


def _is_alive(pid: int) -> bool:
    try:
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False


def _starting(target: Target, stop: Event) -> Any:
    """Return a source of what a task gets that starts now."""
    ecs = boto3.client("ecs", **target.client)
    secrets = boto3.client("secretsmanager", **target.client)
    named: dict[str, str] = {}  # secret by task definition; a revision never changes

    def secret(definition: str) -> str:
        if definition not in named:
            described = ecs.describe_task_definition(taskDefinition=definition)["taskDefinition"]
            (container,) = described["containerDefinitions"]
            environment = {it["name"]: it["value"] for it in container["environment"]}
            named[definition] = environment["DB_SECRET_ARN"]
        return named[definition]

    def source() -> Iterator[Login]:
        while not stop.is_set():
            found = ecs.describe_services(cluster=target.cluster, services=[target.service])
            for deployment in found["services"][0]["deployments"]:
                if not deployment["desiredCount"]:
                    continue
                arn = secret(deployment["taskDefinition"])
                value = json.loads(secrets.get_secret_value(SecretId=arn)["SecretString"])
                host, port = value["host"], str(value["port"])
                login = (host, port, target.database, value["username"], value["password"])
                yield Login(*login)

    return source
