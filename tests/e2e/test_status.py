"""status.yml: what stands, as a table and as JSON, with and without the right to ask for it all."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from release import version
from tests.e2e.platform import Platform

PLAYBOOK = "playbooks/status.yml"
SILENT = "quayside.fargate.silent"
VERSION = version.current()
ALARM = "shop-service-orders-unhealthy-host"
HISTORY = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "cloudtrail:LookupEvents", "Resource": "*"}],
}
WIDTH = 120


@pytest.fixture
def silent(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing but what is asked for stands on standard output."""
    monkeypatch.setenv("ANSIBLE_STDOUT_CALLBACK", SILENT)


@pytest.fixture(scope="module")
def seen(orders: Platform, hello_image: str) -> Iterator[dict[str, Any]]:
    """A service without a database; its variables."""
    variables = orders.service("seen", hello_image, service_database=False)
    orders.play("playbooks/service.yml", **variables)
    yield variables
    orders.play("playbooks/service.yml", **variables, service_state="absent")


@pytest.fixture(scope="module")
def historian(orders: Platform) -> dict[str, str]:
    """Keys of who may look at services, and at CloudTrail's history."""
    keys = orders.deployer("read", team="history")
    orders.aws.client("iam").put_user_policy(
        UserName="shop-read-deployer-history",
        PolicyName="history",
        PolicyDocument=json.dumps(HISTORY),
    )
    return keys


def told(platform: Platform, **variables: Any) -> dict[str, Any]:
    """Return status.yml's JSON, which is all that it prints."""
    answer: dict[str, Any] = json.loads(
        platform.play(PLAYBOOK, service_platform="shop", format="json", **variables)
    )
    return answer


def services(status: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return what is told of services, by name."""
    return {it["service"]: it for it in status["services"]}


@pytest.mark.usefixtures("silent", "seen")
def test_who_may_see_all_gets_image_tasks_address_and_who_deployed(
    orders: Platform, historian: dict[str, str], orders_image: str
) -> None:
    status = told(orders, deployer=historian)
    assert status["left_out"] == []
    found = services(status)["orders"]
    repository, _, tag = orders_image.rpartition("/")[2].partition(":")
    assert found["image"]["repository"] == repository
    assert tag in found["image"]["tags"]
    assert found["image"]["reference"].endswith(f"/orders@{found['image']['digest']}")
    assert re.fullmatch(r"sha256:[0-9a-f]{64}", found["image"]["digest"])
    assert found["tasks"]["running"] == found["tasks"]["desired"] > 0
    assert found["url"] == "http://orders.shop.test/"
    last = found["last_deployment"]
    assert (last["result"], last["reason"]) == ("ok", None)
    assert last["at"] < last["finished"]
    assert services(status)["seen"]["last_deployment"]["by"] == "shop-service-deployer"
    stacks = {it["stack"]: it for it in status["stacks"]}
    assert stacks["shop-rds"]["version"] == VERSION
    assert not stacks["shop-rds"]["behind"]


@pytest.mark.usefixtures("silent", "seen")
def test_what_may_not_be_asked_is_left_out_with_a_line(orders: Platform) -> None:
    """By docs/permissions/read.json, CloudTrail is not asked; a team asks for its services."""
    (line,) = told(orders)["left_out"]
    assert line == (
        "Left out: who made the last deployment, since cloudtrail:LookupEvents isn't allowed."
    )
    theirs = orders.deployer("read", team="seers", services="seen")
    status = told(orders, deployer=theirs)
    assert services(status)["seen"]["tasks"]["running"] == 1
    assert services(status)["orders"]["status"].endswith("_COMPLETE")
    assert services(status)["orders"]["tasks"] is None
    assert [it for it in status["left_out"] if "all but the status of stacks" in it]


@pytest.mark.usefixtures("silent", "seen")
def test_the_tables_fit_a_terminal_and_nothing_else_is_printed(orders: Platform) -> None:
    cloudwatch = orders.aws.client("cloudwatch")
    cloudwatch.set_alarm_state(AlarmName=ALARM, StateValue="ALARM", StateReason="a test")
    try:
        output = orders.play(PLAYBOOK, service_platform="shop")
    finally:
        cloudwatch.set_alarm_state(AlarmName=ALARM, StateValue="OK", StateReason="a test")
    stacks, found, alarms, sentences = output.strip().split("\n\n")
    assert re.match(r"stack +status +version\n", stacks)
    assert re.search(rf"^shop-rds +\w+_COMPLETE +{VERSION}$", stacks, re.MULTILINE)
    assert re.search(
        r"^seen +ok +1/1 +hello:1 [0-9a-f]{7} +[\d-]{10} [\d:]{5} ok ", found, re.MULTILINE
    )
    assert re.search(r"^orders +alarm +", found, re.MULTILINE)
    assert re.search(r"^unhealthy-host +orders +[\d-]{10} [\d:]{5}$", alarms, re.MULTILINE)
    assert sentences.startswith("Left out: ")
    assert max(map(len, "\n".join([stacks, found, alarms]).splitlines())) <= WIDTH


@pytest.mark.usefixtures("silent")
def test_a_deployment_that_went_back_and_a_service_without_tasks_say_so(
    orders: Platform, seen: dict[str, Any], crash_image: str
) -> None:
    orders.play_in_vain("playbooks/service.yml", **seen | {"service_image": crash_image})
    (found,) = told(orders, service_name="seen")["services"]
    assert found["state"] == "rolled back"
    assert found["status"] == "UPDATE_ROLLBACK_COMPLETE"
    assert found["image"]["repository"] == "hello"
    assert found["tasks"]["running"] == 1
    assert "seen: UPDATE_ROLLBACK_COMPLETE, " in orders.play(
        PLAYBOOK, service_platform="shop", service_name="seen"
    )
    orders.play("playbooks/service.yml", **seen | {"service_desired_count": 0})
    (found,) = told(orders, service_name="seen")["services"]
    assert (found["state"], found["tasks"]["desired"]) == ("no tasks", 0)
