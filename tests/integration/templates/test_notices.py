"""What the alarm topic is told of services: once a deployment, and nothing of what is well."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.local_aws.support import eventually
from tests.integration.templates.conftest import Platform
from tests.mailbox import Mailbox

PLAIN = {"Database": "false", "Route": "false"}
LOG = "/aws/lambda/shop-notices"
# It runs until it is stable, and then ends; what it writes holds its environment, with the secret.
DIES = """\
FROM python:3.13-slim
CMD ["python", "-c", "import os, time; print(dict(os.environ)); time.sleep(2); os._exit(7)"]
"""


class Mails:
    """What a subscriber of the alarm topic gets."""

    def __init__(self, platform: Platform) -> None:
        topic = platform.outputs["support"]["AlarmTopicArn"]
        self._mailbox = Mailbox(platform.aws, topic, "mails")
        self._all: list[dict[str, Any]] = []

    def of(self, service: str) -> list[str]:
        """The subjects and texts of those about a service, in the order in which they came."""
        self._all += self._mailbox.take()
        return [
            f"{it.get('Subject')}\n{it['Message']}"
            for it in self._all
            if f"service {service} of shop" in it["Message"]
        ]


@pytest.fixture(scope="module")
def mails(platform: Platform) -> Mails:
    return Mails(platform)


@pytest.fixture
def dies(platform: Platform, tmp_path: Path) -> str:
    """Image of a service that crashes over and over, after it was stable."""
    (tmp_path / "Dockerfile").write_text(DIES)
    return platform.aws.push_image(tmp_path, "dies:1")


@pytest.fixture
def deployed(platform: Platform) -> Iterator[Callable[..., dict[str, str]]]:
    """Deploys a service, which is deleted afterwards."""
    names: set[str] = set()

    def deploy(name: str, image: str, **given: str) -> dict[str, str]:
        names.add(name)
        return platform.service(name, image, **given)

    yield deploy
    for name in names:
        platform.delete(f"service-{name}")


def outcomes(platform: Platform, deployment: str) -> list[str]:
    """What the function did about a deployment's events, as its log says."""
    pages = platform.aws.client("logs").get_paginator("filter_log_events")
    lines = [it for page in pages.paginate(logGroupName=LOG) for it in page["events"]]
    told = [json.loads(it["message"])["message"] for it in lines if it["message"].startswith("{")]
    return [it["outcome"] for it in told if it.get("once", "").startswith(f"{deployment} ")]


def primary(platform: Platform, service: str) -> str:
    """The id of a service's deployment."""
    ecs = platform.aws.client("ecs")
    (found,) = ecs.describe_services(cluster="shop", services=[service])["services"]
    return str(next(it["id"] for it in found["deployments"] if it["status"] == "PRIMARY"))


def sentinel(deployed: Callable[..., dict[str, str]], dies: str, mails: Mails, name: str) -> None:
    """Wait until all that happened before would have been told: ECS's events come in order."""
    deployed(name, dies, **PLAIN)
    eventually(lambda: mails.of(name))


def test_a_crashing_service_is_told_of_once_a_deployment_without_a_value_of_its_environment(
    platform: Platform, mails: Mails, deployed: Callable[..., dict[str, str]], dies: str
) -> None:
    deployed("loops", dies, Route="false")
    first = primary(platform, "loops")
    eventually(lambda: outcomes(platform, first).count("told-before") >= 3)
    assert outcomes(platform, first).count("told") == 1
    (mail,) = mails.of("loops")
    assert mail.startswith("shop loops: a task stopped (EssentialContainerExited)\nTask ")
    assert f"deployment {first}, stopped by itself with EssentialContainerExited" in mail
    assert "exit code 7" in mail

    deployed("loops", dies, Route="false", Cpu="512", Memory="1024")
    second = primary(platform, "loops")
    eventually(lambda: outcomes(platform, second).count("told-before") >= 2)
    assert second != first
    assert len(mails.of("loops")) == 2

    secrets = platform.aws.client("secretsmanager")
    for colour in ("blue", "green"):
        value = secrets.get_secret_value(SecretId=f"shop/loops/db/{colour}")["SecretString"]
        assert json.loads(value)["password"] not in "".join(mails.of("loops"))


def test_a_failed_deployment_is_told_of_once_beside_its_first_stopped_task(
    platform: Platform,
    mails: Mails,
    deployed: Callable[..., dict[str, str]],
    dies: str,
    hello: str,
) -> None:
    crash = platform.aws.push_image(Path("tests/images/crash"), "crash:1")
    deployed("fails", hello, **PLAIN)
    with pytest.raises(AssertionError, match="Circuit Breaker"):
        deployed("fails", crash, **PLAIN)
    sentinel(deployed, dies, mails, "after-failure")
    stopped, failed = sorted(mails.of("fails"), key=lambda it: "deployment failed" in it)
    assert failed.startswith("shop fails: a deployment failed\nDeployment ecs-svc/")
    assert "failed: ECS deployment circuit breaker: tasks failed to start." in failed
    assert "playbooks/logs.yml -e service_platform=shop -e service_name=fails" in failed
    assert "exit code 1" in stopped
    deployment = failed.split("Deployment ")[1].split()[0]
    assert f"deployment {deployment}," in stopped


def test_a_redeployment_a_scale_in_and_a_flip_are_not_told_of(
    mails: Mails, deployed: Callable[..., dict[str, str]], dies: str, orders: str
) -> None:
    deployed("well", orders, DesiredCount="2")
    deployed("well", orders, DesiredCount="2", Cpu="512", Memory="1024")
    deployed("well", orders, DesiredCount="1", Cpu="512", Memory="1024")
    deployed("well", orders, DesiredCount="1", Cpu="512", Memory="1024", ActiveUser="green")
    sentinel(deployed, dies, mails, "after-flip")
    assert mails.of("well") == []


def test_notices_are_switched_by_kind_and_altogether(
    platform: Platform, mails: Mails, deployed: Callable[..., dict[str, str]], dies: str
) -> None:
    rules = platform.aws.client("events")

    def names() -> list[str]:
        return sorted(
            it["Name"].removeprefix("shop-")
            for it in rules.list_rules()["Rules"]
            if it["Name"].startswith("shop-") and it["Name"].endswith("-notices")
        )

    given = platform.given["support"]
    platform.deploy("support", "support", "network", **given, NoticeStopCodes="")
    assert names() == ["deployment-notices"]
    platform.deploy("support", "support", "network", **given, Notices="false")
    assert names() == []
    tables = platform.aws.client("dynamodb").list_tables()["TableNames"]
    assert "shop-notices" not in tables
    platform.deploy("support", "support", "network", **given)
    assert names() == ["deployment-notices", "task-notices"]
    sentinel(deployed, dies, mails, "on-again")
