"""What forbids a rotation: it is refused, changes nothing, and rings; the next one works."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from tests.e2e.platform import Platform
from tests.e2e.rotating import OTHER, Rotating

pytestmark = pytest.mark.walk

ALARM = "shop-rotate-errors"


@pytest.fixture(scope="module")
def archive(platform: Platform, hello_image: str) -> Iterator[Rotating]:
    """A service with one task."""
    made = Rotating(platform, "archive", hello_image, service_desired_count=1)
    made.deploy()
    yield made
    made.deploy(service_state="absent", service_database_deletion="Drop")


def everything(service: Rotating) -> Any:
    """All that a rotation could change.

    Secrets Manager itself puts AWSPENDING on a version without a value, and leaves it there.
    """
    labels = {user: service.labels(user) for user in OTHER}
    pending = [user for user in OTHER if "AWSPENDING" in labels[user] and has_value(service, user)]
    for its in labels.values():
        its.pop("AWSPENDING", None)
    passwords = {user: service.password(user) for user in OTHER}
    parameters = service.stack["Parameters"]
    return labels, pending, passwords, service.verifiers(), parameters, service.parameter


def has_value(service: Rotating, user: str) -> bool:
    secrets = service.secrets
    try:
        secrets.get_secret_value(SecretId=service.secret(user), VersionStage="AWSPENDING")
    except secrets.exceptions.ResourceNotFoundException:
        return False
    return True


def refused(service: Rotating, user: str, reason: str, version: str = "") -> str:
    """Rotate a user: it must be refused for a reason, change nothing, and ring.

    Args:
        version: go on with the rotation to this one.

    Returns:
        The version that the rotation would have made.
    """
    assert service.falls_silent(ALARM)  # what came before
    before = everything(service)
    token = {"ClientRequestToken": version} if version else {}
    answer = service.secrets.rotate_secret(SecretId=service.secret(user), **token)
    version = str(answer["VersionId"])
    service.eventually(
        lambda: any(reason in refusal for refusal in refusals(service, version)),
        f"the rotation of {user} is refused because {reason}",
    )
    assert service.rings(ALARM)
    assert everything(service) == before
    return version


def refusals(service: Rotating, version: str) -> list[str]:
    said = service.said("rotate", version)
    return [it["reason"] for it in said if it["outcome"] == "refused"]


def test_the_active_user_rotated_by_hand(archive: Rotating) -> None:
    active = archive.active
    refused(archive, active, "it is the active user")
    assert "AWSPENDING" not in archive.labels(active)
    for user in (OTHER[active], active):
        assert archive.rotate() == user
        archive.wait_for(user)


def test_a_session_of_the_user_from_outside(archive: Rotating) -> None:
    idle = archive.idle
    with closing(archive.connect(idle)):
        version = refused(archive, idle, "the database has open sessions of it (1)")
    archive.go_on(idle, version)


def test_a_task_of_any_family_that_names_the_users_secret(archive: Rotating) -> None:
    idle, ecs = archive.idle, archive.platform.aws.client("ecs")
    arn = archive.secrets.describe_secret(SecretId=archive.secret(idle))["ARN"]
    definition = ecs.register_task_definition(
        family="by-hand",
        networkMode="awsvpc",
        requiresCompatibilities=["FARGATE"],
        cpu="256",
        memory="512",
        containerDefinitions=[
            {
                "name": "migration",
                "image": archive.variables["service_image"],
                "secrets": [{"name": "PASSWORD", "valueFrom": f"{arn}:password::"}],
            }
        ],
    )["taskDefinition"]["taskDefinitionArn"]
    task = ecs.run_task(cluster="shop", taskDefinition=definition, launchType="FARGATE")["tasks"][0]
    version = refused(archive, idle, f"task {task['taskArn'].rpartition('/')[2]} ")
    ecs.stop_task(cluster="shop", task=task["taskArn"])
    archive.go_on(idle, version)


def test_a_task_of_the_old_revision_that_drains(archive: Rotating) -> None:
    archive.deploy(service_deregistration_delay_seconds=12)
    before, after = archive.active, archive.rotate()
    archive.eventually(
        lambda: archive.active == after and archive.stack["StackStatus"] == "UPDATE_COMPLETE",
        f"the stack is complete with {after}",
    )
    version = refused(archive, before, "is DEACTIVATING and refers to its secret")
    archive.wait_for(after)
    archive.go_on(before, version)


def test_a_stack_that_is_updated_and_then_rolled_back(archive: Rotating) -> None:
    patient = {"service_health_check_grace_period_seconds": 600}
    archive.deploy(service_environment={"HEALTHY_AFTER": "8"}, **patient)
    active, idle = archive.active, archive.idle
    hanging = archive.variables | patient | {"service_environment": {"HANGS_AS": active}}
    deployment = archive.platform.start_playbook("playbooks/service.yml", **hanging)

    def gets_to(status: str) -> None:
        archive.eventually(lambda: archive.stack["StackStatus"] == status, status)

    gets_to("UPDATE_IN_PROGRESS")
    version = refused(archive, idle, "is in UPDATE_IN_PROGRESS")
    assert archive.falls_silent(ALARM)
    cloudformation = archive.platform.aws.client("cloudformation")
    cloudformation.cancel_update_stack(StackName=archive.stack_name)
    gets_to("UPDATE_ROLLBACK_IN_PROGRESS")
    refused(archive, idle, "is in UPDATE_ROLLBACK_IN_PROGRESS", version)
    deployment.communicate(timeout=120)
    archive.go_on(idle, version)
    assert archive.active == idle
