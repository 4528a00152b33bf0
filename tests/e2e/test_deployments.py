"""Deployments of a service: what follows an early end, and an alarm that takes one back."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.e2e.activation_queue import Queue
from tests.e2e.meter import nobody_is_denied
from tests.e2e.platform import Platform
from tests.e2e.rotating import OTHER, PATIENCE, SETTLED, Rotating
from tests.e2e.traffic import traffic_on

NAME = "swift"
ALARM = f"shop-service-{NAME}-5xx-deployment"
JUDGED = {"service_deployment_alarms": True, "service_bake_time_minutes": 4}


@pytest.fixture(scope="module")
def swift(platform: Platform, hello_image: str) -> Iterator[Rotating]:
    """A service whose old tasks drain for some seconds after its deployments have ended."""
    made = Rotating(platform, NAME, hello_image, service_deregistration_delay_seconds=4)
    made.deploy()
    yield made
    made.deploy(service_state="absent", service_database_deletion="Drop")


def play(service: Rotating, **variables: Any) -> str:
    """Run the service's playbook and wait for nothing afterwards."""
    return service.platform.play("playbooks/service.yml", **service.variables | variables)


def task_arns(service: Rotating, desired: str = "RUNNING") -> set[str]:
    """The service's tasks."""
    ecs = service.platform.aws.client("ecs")
    answer = ecs.list_tasks(cluster="shop", serviceName=service.name, desiredStatus=desired)
    return set(answer["taskArns"])


def draining(service: Rotating) -> bool:
    """Whether a task of the service is on its way to STOPPED."""
    ecs, arns = service.platform.aws.client("ecs"), list(task_arns(service, "STOPPED"))
    tasks = ecs.describe_tasks(cluster="shop", tasks=arns)["tasks"] if arns else []
    return any(task["lastStatus"] != "STOPPED" for task in tasks)


def newest_deployment(service: Rotating) -> dict[str, Any]:
    """What ECS says of the service's newest deployment."""
    ecs = service.platform.aws.client("ecs")
    listed = ecs.list_service_deployments(cluster="shop", service=service.name)
    newest = max(listed["serviceDeployments"], key=lambda it: it["createdAt"])
    arns = [newest["serviceDeploymentArn"]]
    described = ecs.describe_service_deployments(serviceDeploymentArns=arns)["serviceDeployments"]
    return dict(described[0])


def is_with(service: Rotating, user: str) -> bool:
    """Whether the stack is stable with a user, whatever its old tasks do."""
    return service.stack["StackStatus"] == "UPDATE_COMPLETE" and service.active == user


def test_what_follows_at_once_after_an_early_end_denies_nobody_and_loses_no_request(
    swift: Rotating, crash_image: str, queue: Queue
) -> None:
    passwords = {user: swift.password(user) for user in OTHER}
    with nobody_is_denied(swift, "/health"):
        # A flip: the rotated user waited for the end of a deployment, whose old tasks drain.
        queue.hold()
        old, before, user = swift.active, swift.labels(swift.idle), swift.rotate()
        swift.eventually(
            lambda: swift.labels(user).get("ROTATED") not in (None, before.get("ROTATED")),
            "the user is rotated",
        )
        given = swift.variables | {"service_environment": {"FIRST": "1"}}
        playing = swift.platform.start_playbook("playbooks/service.yml", **given)
        swift.eventually(lambda: swift.stack["StackStatus"] == "UPDATE_IN_PROGRESS", "it began")
        swift.eventually(lambda: is_with(swift, old), "the deployment is over")
        assert draining(swift), "the deployment ended with its old tasks, not before"
        queue.release()
        output, _ = playing.communicate(timeout=2 * PATIENCE)
        assert playing.returncode == 0, output
        swift.eventually(lambda: is_with(swift, user), "the flip is over")
        assert swift.task_users() == {old, user}, "the flip ended with its old tasks, not before"

        # A second rotation: of the user that the old tasks still hold.
        version = swift.secrets.rotate_secret(SecretId=swift.secret(old))["VersionId"]
        # Why it is refused depends on when the function comes to look: the old tasks drain, or the
        # deployment has just ended. Both come before the password is changed.
        swift.eventually(
            lambda: any(line.get("outcome") == "refused" for line in swift.said("rotate", version)),
            "the guard refuses",
        )
        # A second deployment, and one that fails.
        play(swift, service_environment={"AGAIN": "1"})
        swift.platform.play_in_vain(
            "playbooks/service.yml", **swift.variables | {"service_image": crash_image}
        )
        assert is_with(swift, user) or swift.stack["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"

        said = swift.platform.play(
            "playbooks/rotate.yml", service_platform="shop", service_name=NAME, all=True
        )
        assert "may be in use, waiting: " in said
    swift.wait_for(swift.active)
    assert all(swift.password(user) != passwords[user] for user in OTHER)


@contextmanager
def alarm_rings(service: Rotating) -> Iterator[None]:
    """Let an alarm ring in the deployment that the block begins, once its new tasks run."""
    cloudwatch = service.platform.aws.client("cloudwatch")
    before, stop = newest_deployment(service)["serviceDeploymentArn"], threading.Event()

    def ring() -> None:
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end and not stop.is_set():
            found = newest_deployment(service)
            running = found.get("targetServiceRevision", {}).get("runningTaskCount", 0)
            if found["serviceDeploymentArn"] != before and running:
                cloudwatch.set_alarm_state(
                    AlarmName=ALARM, StateValue="ALARM", StateReason="a test says so"
                )
                return
            time.sleep(0.1)

    thread = threading.Thread(target=ring)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
        cloudwatch.set_alarm_state(AlarmName=ALARM, StateValue="OK", StateReason="it is over")


def test_an_alarm_takes_a_deployment_and_a_flip_back_and_is_named_and_no_request_is_lost(
    swift: Rotating, record_property: Any
) -> None:
    play(swift)  # as it is in the playbook
    time.sleep(SETTLED)
    tasks = task_arns(swift)
    with traffic_on(swift.platform, NAME, "/health") as traffic:
        play(swift, **JUDGED)
        assert task_arns(swift) == tasks, "switching alarms on replaced tasks"

        changed = swift.variables | JUDGED | {"service_environment": {"BROKEN": "1"}}
        with alarm_rings(swift):
            said = swift.platform.play_in_vain("playbooks/service.yml", **changed)
        assert f"The alarm {ALARM} rang" in said.replace("\n", " ")
        assert swift.stack["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"

        first = swift.active
        with alarm_rings(swift):
            said = swift.platform.play_in_vain(
                "playbooks/rotate.yml", service_platform="shop", service_name=NAME
            )
        flat = " ".join(said.split())
        assert f"The service shop/{NAME} wasn't moved to " in flat
        assert f"The alarm {ALARM} rang" in flat
        assert swift.active == first
        swift.eventually(lambda: swift.task_users() == {first}, "no task has the other user")

        tasks = task_arns(swift)
        play(swift)
        assert task_arns(swift) == tasks, "switching alarms off replaced tasks"
        described = swift.platform.aws.client("ecs").describe_services(
            cluster="shop", services=[NAME]
        )
        assert described["services"][0]["deploymentConfiguration"]["bakeTimeInMinutes"] == 0
    record_property("requests", traffic.sent)
    record_property("lost", traffic.failed)
    print(f"{traffic.sent} requests, {traffic.failed} lost")
    assert traffic.failures == []
