"""Which events of ECS are told, once of what, and in which words."""

from __future__ import annotations

import contextlib
import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from custom_resources.notices.decisions import Notice, notice
from custom_resources.shared.failure import Failure

ROOT = Path(__file__).parents[3]
ACCOUNT = "arn:aws:ecs:eu-central-1:123456789012"
TASK = "c13b4cb40f1f4fe4a2971f76ae5a47ad"
BY_ITSELF = ("EssentialContainerExited", "TaskFailedToStart", "SpotInterruption")
CANARY = "canary-of-an-environment"
TEXTS = st.text(max_size=2000)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=12), inner),
    max_leaves=8,
)

# What of a task may hold a value of its environment, whatever form it has.
CANARIES = st.recursive(
    st.just(CANARY),
    lambda inner: (
        st.lists(inner, min_size=1, max_size=3)
        | st.dictionaries(st.sampled_from(["name", "value"]), inner, min_size=1)
    ),
    max_leaves=8,
)


def stopped(**changed: Any) -> dict[str, Any]:
    """An event of a task that stopped, as the developer guide shows one."""
    overrides = {
        "name": "app",
        "environment": [{"name": "PASSWORD", "value": CANARY}],
        "command": ["serve", f"--password={CANARY}"],
    }
    detail = {
        "clusterArn": f"{ACCOUNT}:cluster/shop",
        "containers": [
            {"name": "app", "lastStatus": "STOPPED", "exitCode": 137, "reason": "OutOfMemoryError"},
            {"name": "proxy", "lastStatus": "STOPPED", "exitCode": 0},
            {"name": "never-started", "lastStatus": "STOPPED"},
        ],
        "desiredStatus": "STOPPED",
        "group": "service:orders",
        "lastStatus": "STOPPED",
        "overrides": {"containerOverrides": [overrides]},
        "startedBy": "ecs-svc/123",
        "stopCode": "EssentialContainerExited",
        "stoppedReason": "Essential container in task exited",
        "taskArn": f"{ACCOUNT}:task/shop/{TASK}",
        "version": 6,
    }
    return {
        "id": "1",
        "detail-type": "ECS Task State Change",
        "source": "aws.ecs",
        "resources": [detail["taskArn"]],
        "detail": detail | changed,
    }


def deployment(**changed: Any) -> dict[str, Any]:
    """An event of a deployment that failed, as the developer guide shows one."""
    detail = {
        "eventType": "ERROR",
        "eventName": "SERVICE_DEPLOYMENT_FAILED",
        "deploymentId": "ecs-svc/123",
        "updatedAt": "2020-05-23T11:11:11Z",
        "reason": "ECS deployment circuit breaker: task failed to start.",
    }
    return {
        "id": "2",
        "detail-type": "ECS Deployment State Change",
        "source": "aws.ecs",
        "resources": [f"{ACCOUNT}:service/shop/orders"],
        "detail": detail | changed,
    }


def told(event: dict[str, Any]) -> Notice:
    found = notice(event)
    assert found is not None
    return found


def test_a_task_that_stopped_is_told_with_what_ecs_says_and_the_command_that_shows_its_lines() -> (
    None
):
    happened, why, command, page = told(stopped()).text.split("\n")
    assert happened == (
        f"Task {TASK} of service orders of shop, deployment ecs-svc/123, stopped by itself with "
        "EssentialContainerExited: Essential container in task exited; container app: exit code "
        "137, OutOfMemoryError; container proxy: exit code 0."
    )
    assert why == "The last lines that it wrote say why:"
    assert command == (
        "ansible-playbook playbooks/logs.yml -e service_platform=shop -e service_name=orders "
        f"-e task={TASK} -e since=1d"
    )
    assert page.endswith("(docs/alarms/notices.md, task-stopped).")


def test_a_deployment_that_failed_is_told_with_its_reason() -> None:
    found = told(deployment())
    assert found.subject == "shop orders: a deployment failed"
    assert found.text.startswith(
        "Deployment ecs-svc/123 of service orders of shop failed: ECS deployment circuit breaker: "
        "task failed to start.\n"
    )
    assert found.text.endswith("\n(docs/alarms/notices.md, deployment-failed)")


@pytest.mark.parametrize("event", [stopped(), deployment()], ids=lambda it: it["detail-type"])
def test_a_notice_names_a_heading_that_says_what_to_do(event: dict[str, Any]) -> None:
    (named,) = re.findall(r"\((docs/alarms/\w+\.md), ([\w-]+)\)", told(event).text)
    page, heading = named
    parts = re.split(r"^## (.+)$", (ROOT / page).read_text(), flags=re.MULTILINE)
    text = dict(zip(parts[1::2], parts[2::2], strict=True))[heading]
    for it in ("**It means**", "**Look**", "**Do**", "```console"):
        assert it in text


@given(codes=st.lists(st.sampled_from(BY_ITSELF), min_size=1), deployments=st.data())
def test_once_is_a_deployment_and_a_code_whichever_task_it_is(
    codes: list[str], deployments: st.DataObject
) -> None:
    numbers = deployments.draw(st.lists(st.integers(1, 3), min_size=len(codes)))
    pairs = list(zip(codes, numbers, strict=False))
    found = [
        told(
            stopped(
                stopCode=code, startedBy=f"ecs-svc/{number}", taskArn=f"{ACCOUNT}:task/shop/{at}"
            )
        )
        for at, (code, number) in enumerate(pairs)
    ]
    assert len({it.once for it in found}) == len(set(pairs))
    assert len({it.cause for it in found}) == len(found)


@pytest.mark.parametrize(
    "changed",
    [
        {"stopCode": "ServiceSchedulerInitiated"},
        {"stopCode": "UserInitiated"},
        {"stopCode": ""},
        {"lastStatus": "DEPROVISIONING"},
        {"group": "family:migration"},
    ],
)
def test_a_task_that_others_stopped_or_that_is_of_no_service_is_not_told(
    changed: dict[str, Any],
) -> None:
    assert notice(stopped(**changed)) is None


@pytest.mark.parametrize("name", ["IN_PROGRESS", "COMPLETED"])
def test_a_deployment_that_did_not_fail_is_not_told(name: str) -> None:
    assert notice(deployment(eventName=f"SERVICE_DEPLOYMENT_{name}")) is None


@given(st.dictionaries(st.sampled_from(["overrides", "attachments", "attributes"]), CANARIES))
def test_nothing_of_a_tasks_environment_is_told(more: dict[str, Any]) -> None:
    found = told(stopped(**more))
    assert CANARY not in json.dumps([found.once, found.cause, found.subject, found.text])


@given(reason=TEXTS, stopped_reason=TEXTS, container=st.none() | TEXTS)
def test_whatever_ecs_says_a_mail_is_one_that_sns_takes_and_a_terminal_shows(
    reason: str, stopped_reason: str, container: str | None
) -> None:
    containers = [{"name": "app", "exitCode": 1, "reason": container}]
    for found in (
        told(deployment(reason=reason)),
        told(stopped(stoppedReason=stopped_reason, containers=containers)),
    ):
        assert found.subject.isascii()
        assert found.subject.isprintable()
        assert len(found.subject) < 100
        assert all(it.isprintable() for it in found.text.split("\n"))
        assert len(found.text) < 3000
        assert len(found.text.split("\n")) == 4


@given(
    st.fixed_dictionaries(
        {
            "detail-type": st.sampled_from(
                ["ECS Task State Change", "ECS Deployment State Change", "Scheduled Event"]
            ),
            "detail": JSON,
            "resources": JSON,
        }
    )
    | st.dictionaries(st.text(max_size=12), JSON)
)
def test_an_event_that_is_none_of_ecs_is_refused_with_a_sentence_or_not_told(
    event: dict[str, Any],
) -> None:
    with contextlib.suppress(Failure):
        assert notice(event) is None


@pytest.mark.parametrize("lacking", ["startedBy", "taskArn", "clusterArn"])
def test_an_event_that_lacks_what_a_notice_needs_is_refused(lacking: str) -> None:
    event = stopped()
    del event["detail"][lacking]
    with pytest.raises(Failure, match="documented"):
        notice(event)
