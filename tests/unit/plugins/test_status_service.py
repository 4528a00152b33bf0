"""What status.yml decides of one service from what AWS says."""

from __future__ import annotations

import datetime
import json
from typing import Any

import botocore.session
import pytest

from ansible_collections.quayside.fargate.plugins.plugin_utils import (
    ecr,
    status_makers,
    status_service,
)
from ansible_collections.quayside.fargate.plugins.plugin_utils.status_calls import LeftOut

RUN = {"running": 2, "desired": 2, "pending": 0}
AT = datetime.datetime(2026, 11, 28, 14, 3, tzinfo=datetime.UTC)
MINUTE = datetime.timedelta(minutes=1)


def state(
    status: str = "UPDATE_COMPLETE", result: str = "ok", alarms: tuple[str, ...] = (), **tasks: int
) -> str:
    told: str = status_service.state(status, {**RUN, **tasks}, {"result": result}, alarms)
    return told


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("not deployed", "REVIEW_IN_PROGRESS"),
        ("creating", "CREATE_IN_PROGRESS"),
        ("updating", "UPDATE_IN_PROGRESS"),
        ("updating", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"),
        ("rolling back", "UPDATE_ROLLBACK_IN_PROGRESS"),
        ("rolling back", "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS"),
        ("rolling back", "ROLLBACK_IN_PROGRESS"),
        ("deleting", "DELETE_IN_PROGRESS"),
        ("importing", "IMPORT_IN_PROGRESS"),
        ("failed", "ROLLBACK_COMPLETE"),
        ("failed", "UPDATE_ROLLBACK_FAILED"),
        ("failed", "DELETE_FAILED"),
        ("rolled back", "UPDATE_ROLLBACK_COMPLETE"),
        ("ok", "CREATE_COMPLETE"),
        ("ok", "UPDATE_COMPLETE"),
    ],
)
def test_a_stack_that_is_busy_or_failed_says_so(word: str, status: str) -> None:
    assert state(status) == word


def test_a_service_without_tasks_says_whether_that_is_wanted() -> None:
    assert state(running=0, desired=0) == "no tasks"
    assert state(running=0, desired=2) == "down"
    assert state(running=0, desired=2, result="running") == "starting"
    assert state(running=1, desired=2) == "few tasks"


def test_a_deployment_that_runs_or_went_back_says_so() -> None:
    assert state(result="running", running=1) == "deploying"
    assert state(result="rolling back") == "rolling back"
    assert state(result="rolled back") == "rolled back"
    assert state(result="failed") == "failed"


def test_an_alarm_says_so_where_nothing_else_is_to_be_said() -> None:
    assert state(alarms=("cpu",)) == "alarm"
    assert state(alarms=("cpu",), running=0) == "down"


def test_what_ecs_may_not_be_asked_is_no_state() -> None:
    assert status_service.state("UPDATE_COMPLETE", None, None, ()) == "ok"


def ecs(**deployment: Any) -> dict[str, Any]:
    primary = {"id": "ecs-svc/2", "status": "PRIMARY", "createdAt": AT, "updatedAt": AT + MINUTE}
    old = {**primary, "id": "ecs-svc/1", "status": "ACTIVE", "rolloutState": "COMPLETED"}
    return {"deployments": [old, {**primary, "rolloutState": "COMPLETED", **deployment}]}


def test_what_ecs_remembers_of_the_last_deployment_is_told() -> None:
    told = {
        "serviceDeploymentArn": "arn:aws:ecs:eu-central-1:1:service-deployment/shop/orders/7",
        "status": "ROLLBACK_SUCCESSFUL",
        "statusReason": "Service deployment rolled back.",
        "rollback": {"reason": "Service deployment failed: alarm cpu."},
        "createdAt": AT,
        "finishedAt": AT + MINUTE,
    }
    assert status_service.last_deployment(ecs(), told) == {
        "id": "7",
        "at": "2026-11-28T14:03:00+00:00",
        "finished": "2026-11-28T14:04:00+00:00",
        "result": "rolled back",
        "reason": "Service deployment failed: alarm cpu.",
        "by": None,
    }


def test_without_that_the_primary_deployment_is_told() -> None:
    last = status_service.last_deployment(ecs(), None)
    assert (last["id"], last["result"], last["finished"]) == (
        "2",
        "ok",
        "2026-11-28T14:04:00+00:00",
    )
    running = ecs(rolloutState="IN_PROGRESS", rolloutStateReason="in progress")
    last = status_service.last_deployment(running, None)
    assert (last["result"], last["finished"], last["reason"]) == ("running", None, "in progress")
    assert status_service.last_deployment(None, None) is None


def test_every_status_that_ecs_has_is_known() -> None:
    """Of ServiceDeployment and of a deployment's rollout, as botocore's model has them."""

    model = botocore.session.Session().get_service_model("ecs")
    for shape in ("ServiceDeploymentStatus", "DeploymentRolloutState"):
        assert set(model.shape_for(shape).enum) <= status_service.RESULTS.keys()


def test_the_image_is_that_of_the_revision_that_most_tasks_run() -> None:
    summaries = [{"arn": "old", "runningTaskCount": 2}, {"arn": "new", "runningTaskCount": 1}]
    assert status_service.revision_in_use({"currentServiceRevisions": summaries}) == "old"
    assert status_service.revision_in_use({}) is None


def test_the_image_of_the_templates_own_container_is_told() -> None:
    images = [
        {"containerName": "agent", "image": "agent:3", "imageDigest": "sha256:1"},
        {"containerName": "app", "image": "orders:7", "imageDigest": "sha256:2"},
    ]
    found = status_service.container({"containerImages": images}, "orders:6")
    assert found == ("orders:7", "sha256:2")
    assert status_service.container(None, "orders@sha256:3") == ("orders@sha256:3", "sha256:3")
    assert status_service.container(None, "orders:6") == ("orders:6", None)
    assert status_service.container(None, None) == (None, None)


@pytest.mark.parametrize(
    ("reference", "repository", "tag"),
    [
        ("000000000000.dkr.ecr.eu-central-1.amazonaws.com/team/orders:1", "team/orders", "1"),
        ("localhost:5000/orders@sha256:12", "orders", None),
        ("library/nginx:1.27", "library/nginx", "1.27"),
        ("nginx", "nginx", None),
    ],
)
def test_repository_and_tag_are_read_of_a_reference(
    reference: str, repository: str, tag: str | None
) -> None:
    assert status_service.repository_of(reference) == repository
    assert status_service.tag_of(reference) == tag


def test_where_an_image_of_ecrs_is_is_read_by_tag_and_by_digest() -> None:
    registry = "000000000000.dkr.ecr.eu-central-1.amazonaws.com"
    for rest in ("orders:1", f"orders@sha256:{'0' * 64}"):
        assert ecr.place(f"{registry}/{rest}") == ("000000000000", "eu-central-1", "orders")
    assert ecr.place("nginx:1") is None


def event(at: datetime.datetime, arn: str, stack: str, **more: Any) -> dict[str, Any]:
    told = {"userIdentity": {"arn": arn}, "requestParameters": {"stackName": stack}, **more}
    return {"EventTime": at, "Username": "x", "CloudTrailEvent": json.dumps(told)}


STACK = "arn:aws:cloudformation:eu-central-1:000000000000:stack/shop-service-orders/1a"
ROLE = "arn:aws:sts::000000000000:assumed-role/deploys/build-7"
USER = "arn:aws:iam::000000000000:user/people/ann"


def test_who_executed_a_change_set_is_told_by_the_stacks_name() -> None:
    made = status_makers.by_stack(
        [
            event(AT, USER, "shop-service-orders"),
            event(AT + MINUTE, ROLE, STACK),
            event(AT, "arn:aws:iam::000000000000:root", "shop-rds"),
            event(AT, USER, "refused", errorCode="AccessDenied"),
        ]
    )
    assert [it.by for it in made["shop-service-orders"]] == ["deploys/build-7", "ann"]
    assert made["shop-rds"][0].by == "root"
    assert "refused" not in made


def maker(deployed: datetime.datetime, updated: datetime.datetime) -> str | None:
    made = status_makers.by_stack([event(AT, USER, STACK)])["shop-service-orders"]
    stack = {"CreationTime": AT - 60 * MINUTE, "LastUpdatedTime": updated}
    found: str | None = status_makers.maker(deployed.isoformat(), stack, made)
    return found


def test_a_deployment_is_of_who_began_the_stacks_last_operation() -> None:
    assert maker(AT + MINUTE, AT) == "ann"


def test_a_deployment_by_a_later_operation_such_as_a_flip_is_nobodys() -> None:
    assert maker(AT + 32 * MINUTE, AT + 30 * MINUTE) is None


def test_a_deployment_before_the_stacks_last_operation_is_nobodys() -> None:
    assert maker(AT - 30 * MINUTE, AT) is None


def test_what_is_left_out_is_a_sentence_that_names_three_services_at_most() -> None:
    left_out = LeftOut()
    left_out.note("tags of images", "ecr:DescribeImages isn't allowed")
    left_out.note("tags of images", "ecr:DescribeImages isn't allowed")
    for name in ("d", "a", "c", "b", "a"):
        left_out.note("rotations", "secretsmanager:DescribeSecret isn't allowed", [name])
    assert left_out.sentences() == [
        "Left out: rotations of a, b, c and 1 more, since "
        "secretsmanager:DescribeSecret isn't allowed.",
        "Left out: tags of images, since ecr:DescribeImages isn't allowed.",
    ]
