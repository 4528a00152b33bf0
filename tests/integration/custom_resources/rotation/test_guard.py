"""What must never be rotated: each refusal says what forbids it, and changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from typing import Any

import pytest
from psycopg2.extensions import connection as Connection  # noqa: N812 - the class of psycopg2

from custom_resources.rotation.rotate import steps
from custom_resources.rotation.rotate.function import NotRotatedError
from custom_resources.rotation.rotate.user import Credentials, set_password
from tests.integration.custom_resources.rotation.world import (
    PLATFORM,
    STEPS,
    RotatedService,
    eventually,
)

New = Callable[..., RotatedService]


def everything(service: RotatedService) -> Any:
    """All that a rotation could change."""
    return (
        service.verifiers(),
        service.value("blue"),
        service.value("green"),
        {label: it for label, it in service.labels("blue").items() if label != "AWSPENDING"},
        {label: it for label, it in service.labels("green").items() if label != "AWSPENDING"},
        service.parameters["ActiveUser"],
    )


def refused(service: RotatedService, colour: str, step: str, version: str) -> str:
    """Do a step that must be refused and must change nothing; returns the sentence."""
    before = everything(service)
    with pytest.raises(NotRotatedError) as refusal:
        service.step(step, colour, version)
    assert everything(service) == before
    said = str(refusal.value)
    assert said.startswith(f"Refused to rotate the user {colour} of {service.name}: ")
    return said


@pytest.fixture
def running(new_service: New, name: str) -> RotatedService:
    """A service with one task, which takes a second and a half to stop."""
    return new_service(name, Count="1", LingerSeconds="1.5")


@pytest.fixture
def one_off(running: RotatedService) -> Iterator[Callable[..., str]]:
    """Run standalone tasks of another family; they end with the test."""
    ecs, started = running.ecs, []

    def run(container: dict[str, Any], **task: Any) -> str:
        definition = ecs.register_task_definition(
            family=f"migrate-{running.name}",
            networkMode="awsvpc",
            requiresCompatibilities=["FARGATE"],
            cpu="256",
            memory="512",
            containerDefinitions=[{"name": "app", "image": running.image, **container}],
        )["taskDefinition"]["taskDefinitionArn"]
        answer = ecs.run_task(
            cluster=PLATFORM, taskDefinition=definition, launchType="FARGATE", **task
        )
        started.append(answer["tasks"][0]["taskArn"])
        return str(started[-1]).rsplit("/", 1)[-1]

    yield run
    for arn in started:
        ecs.stop_task(cluster=PLATFORM, task=arn)


def test_the_active_user_is_refused_and_its_empty_version_unstaged(
    service: RotatedService,
) -> None:
    version = service.begin("blue")

    assert "it is the active user" in refused(service, "blue", "createSecret", version)
    assert "AWSPENDING" not in service.labels("blue")
    service.begin("blue")  # RotateSecret is accepted again


def test_the_active_user_is_refused_again_when_the_same_version_is_tried_again(
    service: RotatedService,
) -> None:
    version = service.begin("blue")
    refused(service, "blue", "createSecret", version)
    before = everything(service)

    for step in STEPS:
        if step != "testSecret":
            with pytest.raises(NotRotatedError):
                service.step(step, "blue", version)
    assert everything(service) == before


def test_a_user_that_became_active_after_createsecret_is_refused_by_setsecret(
    service: RotatedService,
) -> None:
    version = service.begin("green")
    service.step("createSecret", "green", version)
    service.deploy(ActiveUser="green")

    assert "it is the active user" in refused(service, "green", "setSecret", version)
    assert service.labels("green")["AWSPENDING"] == version  # it has a value
    service.deploy(ActiveUser="blue")
    service.steps("green", version)
    assert service.logs_in("green")


def test_a_paused_platform_refuses_and_unstages(
    service: RotatedService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ROTATION_PAUSED", "true")
    version = service.begin("green")

    assert "rotation is paused" in refused(service, "green", "createSecret", version)
    monkeypatch.setenv("ROTATION_PAUSED", "false")
    service.rotate("green")


@pytest.mark.parametrize("step", ["createSecret", "setSecret"])
def test_an_open_session_forbids_it_until_it_ends(service: RotatedService, step: str) -> None:
    password = (service.value("green") or {})["password"]
    version = service.begin("green")
    if step == "setSecret":
        service.step("createSecret", "green", version)
    with closing(service.postgres.connect(service.user("green"), password, service.name)):
        assert "open sessions of it (1)" in refused(service, "green", step, version)
    assert service.labels("green")["AWSPENDING"] == version  # it passes: Secrets Manager retries
    open_sessions = "SELECT count(*) FROM pg_stat_activity WHERE usename = %s"
    user = service.user("green")
    eventually(
        lambda: service.postgres.query(open_sessions, user) == [(0,)], "the end of the session"
    )
    service.steps("green", version)


def test_a_deployment_that_ended_too_recently_forbids_it(
    service: RotatedService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SETTLING_SECONDS", "300")
    version = service.begin("green")

    assert "300 s must pass" in refused(service, "green", "createSecret", version)
    monkeypatch.setenv("SETTLING_SECONDS", "0")
    service.steps("green", version)


def test_a_task_that_drains_forbids_it_until_it_has_stopped_and_settled(
    running: RotatedService, monkeypatch: pytest.MonkeyPatch
) -> None:
    running.deploy(LingerSeconds="6")
    eventually(lambda: len(running.tasks()) == 1, "the end of the old task")
    (task,) = running.tasks()
    running.deploy(ActiveUser="green")  # ends early
    version = running.begin("blue")
    identity = task["taskArn"].rsplit("/", 1)[-1]

    assert f"task {identity} " in refused(running, "blue", "createSecret", version)
    eventually(lambda: len(running.tasks()) == 1, "the end of the old task")
    monkeypatch.setenv("SETTLING_SECONDS", "5")
    said = refused(running, "blue", "createSecret", version)
    assert "the last task that refers to its secret stopped at " in said
    monkeypatch.setenv("SETTLING_SECONDS", "0")
    running.steps("blue", version)
    assert running.logs_in("blue")


def test_a_stack_that_is_being_updated_forbids_it(running: RotatedService) -> None:
    version = running.begin("green")
    running.deploy(wait=False, CrashAs="blue")

    said = refused(running, "green", "createSecret", version)
    assert "_IN_PROGRESS" in said
    running.settle()
    eventually(lambda: len(running.tasks()) == 1, "the end of the failed tasks")
    running.steps("green", version)
    assert running.logs_in("green")


def test_after_a_flip_that_rolled_back_the_idle_user_can_be_rotated_again(
    running: RotatedService,
) -> None:
    running.deploy(CrashAs="green")
    eventually(lambda: len(running.tasks()) == 1, "the end of the old task")
    running.deploy(ActiveUser="green")
    assert (running.stack or {})["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    version = running.begin("blue")

    assert "it is the active user" in refused(running, "blue", "createSecret", version)
    eventually(lambda: len(running.tasks()) == 1, "the end of the failed tasks")
    running.rotate("green")
    assert running.logs_in("green")


@pytest.mark.parametrize("how", ["secrets", "environment", "override", "command"])
def test_a_standalone_task_that_names_the_secret_forbids_it(
    running: RotatedService, one_off: Callable[..., str], how: str
) -> None:
    arn, name = running.secret_arns["green"], running.secret_name("green")
    containers: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
        "secrets": ({"secrets": [{"name": "PASSWORD", "valueFrom": f"{arn}:password::"}]}, {}),
        "environment": ({"environment": [{"name": "SECRET", "value": arn}]}, {}),
        "command": ({"environment": [{"name": "RUN", "value": f"get --secret-id {name}"}]}, {}),
        "override": (
            {},
            {
                "overrides": {
                    "containerOverrides": [
                        {"name": "app", "environment": [{"name": "SECRET", "value": name}]}
                    ]
                }
            },
        ),
    }
    container, task = containers[how]
    identity = one_off(container, **task)
    version = running.begin("green")

    assert f"task {identity} " in refused(running, "green", "createSecret", version)


@pytest.fixture
def pinned(running: RotatedService, one_off: Callable[..., str]) -> Callable[[], str]:
    """Run a task of another family, a revision of which names the idle user's secret."""
    secret = {"name": "PASSWORD", "valueFrom": f"{running.secret_arns['green']}:password::"}
    return partial(one_off, {"secrets": [secret]})


def test_a_standalone_task_that_began_after_createsecret_is_seen_by_setsecret(
    running: RotatedService, pinned: Callable[[], str]
) -> None:
    version = running.begin("green")
    running.step("createSecret", "green", version)
    identity = pinned()

    assert f"task {identity} " in refused(running, "green", "setSecret", version)
    assert running.logs_in("green")


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_standalone_task_that_began_between_the_looks_of_setsecret_keeps_its_password(
    running: RotatedService,
    pinned: Callable[[], str],
    monkeypatch: pytest.MonkeyPatch,
    log_lines: list[str],
    moment: str,
) -> None:
    started: list[str] = []

    def setting(connection: Connection, credentials: Credentials) -> None:
        if not started and moment == "before":
            started.append(pinned())
        set_password(connection, credentials)
        if not started:
            started.append(pinned())

    version = running.begin("green")
    running.step("createSecret", "green", version)
    monkeypatch.setattr(steps, "set_password", setting)
    with pytest.raises(NotRotatedError) as refusal:
        running.step("setSecret", "green", version)

    assert f"task {started[0]} " in str(refusal.value)
    assert running.logs_in("green")
    assert not running.logs_in("green", "AWSPENDING")
    assert any("password taken back" in line for line in log_lines)


def test_a_standalone_task_of_the_other_user_forbids_nothing(
    running: RotatedService, one_off: Callable[..., str]
) -> None:
    one_off({"environment": [{"name": "SECRET", "value": running.secret_arns["blue"]}]})
    running.rotate("green")

    assert running.logs_in("green")


def test_a_service_that_was_moved_behind_cloudformations_back_forbids_it(
    service: RotatedService,
) -> None:
    """No task runs with it yet, but ECS may start one at any time."""
    described = service.ecs.describe_task_definition(taskDefinition=service.stack_name)
    container = described["taskDefinition"]["containerDefinitions"][0]
    container["secrets"][0]["valueFrom"] = service.secret_arns["green"]
    moved = service.ecs.register_task_definition(
        family=service.stack_name,
        networkMode="awsvpc",
        requiresCompatibilities=["FARGATE"],
        cpu="256",
        memory="512",
        containerDefinitions=[container],
    )["taskDefinition"]["taskDefinitionArn"]
    service.ecs.update_service(cluster=PLATFORM, service=service.name, taskDefinition=moved)
    version = service.begin("green")

    assert "starts tasks with its secret" in refused(service, "green", "createSecret", version)


def test_no_half_of_the_facts_is_enough(service: RotatedService) -> None:
    """A call that AWS refuses is a refusal."""
    from tests.integration.custom_resources.service import client

    class Denied:
        def __init__(self, ecs: Any) -> None:
            self._ecs = ecs

        def __getattr__(self, name: str) -> Any:
            if name == "list_service_deployments":
                return lambda **_: self._ecs.describe_task_definition(taskDefinition="none:1")
            return getattr(self._ecs, name)

    version = service.begin("green")
    with pytest.raises(NotRotatedError, match="DescribeTaskDefinition failed with"):
        service.step(
            "createSecret",
            "green",
            version,
            lambda it: Denied(service.ecs) if it == "ecs" else client(service.aws, it),
        )
    assert service.value("green", "AWSPENDING") is None


def test_nothing_secret_is_logged_or_raised(
    service: RotatedService, monkeypatch: pytest.MonkeyPatch, log_lines: list[str]
) -> None:
    monkeypatch.setenv("LOG_LEVEL", "DEBUG")
    secrets = [service.value(colour) for colour in ("blue", "green")]
    version = service.begin("green")
    service.step("createSecret", "green", version)
    secrets.append(service.value("green", "AWSPENDING"))
    said = []
    password = (service.value("green") or {})["password"]
    with closing(service.postgres.connect(service.user("green"), password, service.name)):
        said.append(refused(service, "green", "setSecret", version))
    service.deploy(ActiveUser="green")
    said.append(refused(service, "green", "setSecret", version))
    service.deploy(ActiveUser="blue")
    # The server quotes the whole statement in its error: a verifier is in it.
    service.postgres.query(f"ALTER ROLE {service.user('green')} SET log_statement = 'none'")
    service.postgres.query(
        f"ALTER ROLE {service.user('green')} SET default_transaction_read_only = on"
    )
    with pytest.raises(NotRotatedError) as read_only:
        service.step("setSecret", "green", version)
    said.append(str(read_only.value))
    service.postgres.query(f"ALTER ROLE {service.user('green')} RESET ALL")
    service.steps("green", version)

    told = "\n".join([*log_lines, *said])
    passwords = [it["password"] for it in secrets if it]
    assert "read-only transaction" in told
    assert len(set(passwords)) == 3
    assert not [it for it in [*passwords, *service.verifiers().values()] if it in told]
    assert "SCRAM-SHA-256$" not in told
