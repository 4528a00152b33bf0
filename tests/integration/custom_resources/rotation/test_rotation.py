"""The four steps of a rotation, by the rotated user itself."""

from __future__ import annotations

import json
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from types import SimpleNamespace
from typing import Any

import pytest

from custom_resources.contract.limits import FEWEST_CONNECTIONS
from custom_resources.rotation.rotate.function import NotRotatedError
from custom_resources.rotation.rotate.user import Credentials, logged_in, set_password
from tests.integration.custom_resources.rotation.world import STEPS, RotatedService
from tests.integration.custom_resources.service import new_password


def test_a_rotation_gives_the_idle_user_a_new_password_and_leaves_the_active_one(
    service: RotatedService,
) -> None:
    blue, green = service.value("blue"), service.value("green")
    version = service.rotate("green")
    rotated = service.value("green")

    assert green
    assert rotated
    assert rotated | {"password": ""} == green | {"password": ""}
    assert rotated["password"] != green["password"]
    assert service.takes(rotated)
    assert not service.takes(green)
    assert (service.value("blue"), service.logs_in("blue")) == (blue, True)
    labels = service.labels("green")
    assert labels["AWSCURRENT"] == labels["ROTATED"] == version
    assert service.value("green", "AWSPREVIOUS") == green


def test_the_smallest_limit_of_connections_leaves_a_rotation_its_own(
    service: RotatedService,
) -> None:
    user, green = service.user("green"), service.value("green") or {}
    service.postgres.query(f"ALTER ROLE {user} CONNECTION LIMIT {FEWEST_CONNECTIONS}")
    with ExitStack() as left_by_lambda:
        for _ in range(FEWEST_CONNECTIONS - 2):
            server = Credentials.read("green", json.dumps(green))
            left_by_lambda.enter_context(server.connect())
        service.rotate("green")
    assert service.logs_in("green")


def test_a_user_with_all_its_connections_is_not_rotated_and_the_limit_is_named(
    service: RotatedService,
) -> None:
    user, green = service.user("green"), service.value("green") or {}
    service.postgres.query(f"ALTER ROLE {user} CONNECTION LIMIT {FEWEST_CONNECTIONS}")
    version = service.begin("green")
    with ExitStack() as opened:
        for _ in range(FEWEST_CONNECTIONS):
            session = service.postgres.connect(user, green["password"], service.name)
            opened.callback(session.close)
        with pytest.raises(NotRotatedError, match=r"\(53300\).*service_connection_limit"):
            service.step("createSecret", "green", version)
    for step in STEPS:
        service.step(step, "green", version)
    assert service.value("green") != green
    assert service.logs_in("green")


def test_a_password_is_letters_and_digits_and_the_server_gets_its_verifier(
    service: RotatedService,
) -> None:
    service.rotate("green")
    password = (service.value("green") or {})["password"]

    assert re.fullmatch(r"[A-Za-z0-9]{32}", password)
    assert password not in service.postgres.log
    assert service.verifiers()[service.user("green")] in service.postgres.log


def test_it_works_as_the_user_itself_and_leaves_no_session_behind_for_long(
    service: RotatedService,
) -> None:
    current = Credentials.read("green", json.dumps(service.value("green")))
    with logged_in("green", current) as (connection, used), connection.cursor() as cursor:
        cursor.execute("SELECT current_user, current_setting('idle_session_timeout')")
        assert cursor.fetchone() == (service.user("green"), "1min")
        assert used is current


def test_every_step_may_be_done_twice(service: RotatedService) -> None:
    version = service.begin("green")
    for step in STEPS:
        service.step(step, "green", version)
        before = service.value("green", "AWSPENDING"), service.labels("green")
        service.step(step, "green", version)
        assert (service.value("green", "AWSPENDING"), service.labels("green")) == before

    assert service.logs_in("green")


def test_all_steps_of_a_finished_rotation_change_nothing(service: RotatedService) -> None:
    version = service.rotate("green")
    before = service.verifiers(), service.labels("green"), service.value("green")
    service.steps("green", version)

    assert (service.verifiers(), service.labels("green"), service.value("green")) == before


def test_the_label_moves_from_rotation_to_rotation(service: RotatedService) -> None:
    service.rotate("green")
    again = service.rotate("green")

    assert service.labels("green")["ROTATED"] == again
    assert service.logs_in("green")


def test_a_value_that_was_never_set_in_the_database_is_passed_over(
    service: RotatedService,
) -> None:
    service.put("green", new_password())
    assert not service.logs_in("green")
    service.rotate("green")

    assert service.logs_in("green")


@pytest.mark.parametrize("lacking", ["host", "port"])
def test_where_the_previous_version_says_the_server_is_does_not_count(
    service: RotatedService, lacking: str
) -> None:
    """A secret is attached to its cluster by a new version; a restore changes the host."""
    first = service.value("green") or {}
    changed = {key: it for key, it in (first | {"port": 1}).items() if key != lacking}
    service.secretsmanager.put_secret_value(
        SecretId=service.secret_name("green"), SecretString=json.dumps(changed)
    )
    service.put("green", new_password())
    assert not service.logs_in("green")
    service.rotate("green")

    assert service.logs_in("green")


def test_a_user_whom_no_stage_lets_in_is_reported_before_anything_is_made(
    service: RotatedService,
) -> None:
    service.put("green", new_password())
    service.put("green", new_password())
    version = service.begin("green")

    with pytest.raises(NotRotatedError, match=r"takes none of the passwords.*repair\.yml"):
        service.step("createSecret", "green", version)
    assert service.value("green", "AWSPENDING") is None


def test_a_new_schedules_lone_test_changes_nothing(service: RotatedService) -> None:
    version = service.begin("green")

    assert service.step("testSecret", "green", version) == "nothing to do"
    assert service.step("testSecret", "blue", "0" * 32) == "nothing to do"  # gone by now


@pytest.mark.parametrize("step", ["createSecret", "setSecret", "finishSecret"])
def test_a_version_without_a_stage_is_refused_in_a_sentence(
    service: RotatedService, step: str
) -> None:
    before = service.labels("green")

    with pytest.raises(NotRotatedError, match="doesn't have the label AWSPENDING"):
        service.step(step, "green", "0" * 32)
    assert service.labels("green") == before


@pytest.mark.parametrize("step", ["setSecret", "finishSecret"])
def test_a_step_that_comes_before_createsecret_is_refused_in_a_sentence(
    service: RotatedService, step: str
) -> None:
    version = service.begin("green")

    with pytest.raises(NotRotatedError, match="has no value"):
        service.step(step, "green", version)
    assert service.labels("green")["AWSCURRENT"] != version


@pytest.mark.parametrize("step", ["testSecret", "finishSecret"])
def test_a_password_that_the_database_does_not_take_never_becomes_current(
    service: RotatedService, step: str
) -> None:
    version = service.begin("green")
    service.step("createSecret", "green", version)

    with pytest.raises(NotRotatedError):
        service.step(step, "green", version)
    assert service.labels("green")["AWSCURRENT"] != version
    assert service.logs_in("green")


def test_a_value_about_another_user_is_refused(service: RotatedService) -> None:
    version = service.begin("green")
    service.secretsmanager.put_secret_value(
        SecretId=service.secret_name("green"),
        ClientRequestToken=version,
        SecretString=service.text("blue", new_password()),
        VersionStages=["AWSPENDING"],
    )
    before = service.verifiers()

    with pytest.raises(NotRotatedError, match="different users or servers"):
        service.step("setSecret", "green", version)
    assert service.verifiers() == before


def test_a_secret_of_another_name_is_refused(service: RotatedService, name: str) -> None:
    created = service.secretsmanager.create_secret(Name=name, SecretString="{}")
    service.secret_arns["other"] = created["ARN"]

    with pytest.raises(NotRotatedError, match=f"The secret {name} is none of a service's"):
        service.step("createSecret", "other", "0" * 32)


def test_a_flip_that_began_during_alter_role_gets_the_password_that_tasks_hold(
    service: RotatedService, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = service.begin("green")
    service.step("createSecret", "green", version)

    def set_and_flip(connection: Any, credentials: Any) -> None:
        set_password(connection, credentials)
        if service.parameters["ActiveUser"] == "blue":
            assert not service.logs_in("green")
            service.deploy(wait=False, ActiveUser="green")

    monkeypatch.setattr("custom_resources.rotation.rotate.steps.set_password", set_and_flip)
    with pytest.raises(
        NotRotatedError, match=r"it is the active user|is in UPDATE_(COMPLETE_CLEANUP_)?IN_PROGRESS"
    ):
        service.step("setSecret", "green", version)
    assert service.logs_in("green")
    assert service.logs_in("blue")


def test_a_rotation_that_died_after_alter_role_takes_the_password_back_for_a_flip(
    service: RotatedService,
) -> None:
    version = service.begin("green")
    service.step("createSecret", "green", version)
    service.step("setSecret", "green", version)
    service.deploy(ActiveUser="green")

    with pytest.raises(NotRotatedError, match="it is the active user"):
        service.step("setSecret", "green", version)
    assert service.logs_in("green")


def test_a_deployment_that_names_the_idle_user_waits_for_the_end_of_its_rotation(
    service: RotatedService, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = service.begin("green")
    service.step("createSecret", "green", version)
    service.step("setSecret", "green", version)

    def finish(_: float) -> None:
        service.step("testSecret", "green", version)
        service.step("finishSecret", "green", version)

    monkeypatch.setattr("custom_resources.database.logins.time.sleep", finish)
    service.converge("green")

    assert service.logs_in("green")
    assert service.labels("green")["AWSCURRENT"] == version


def test_a_value_that_answers_do_not_show_yet_is_not_made_twice(service: RotatedService) -> None:
    """Secrets Manager is eventually consistent: GetSecretValue may not know it a moment later."""
    version = service.begin("green")
    service.step("createSecret", "green", version)
    made = service.value("green", "AWSPENDING")
    late = service.aws.client("secretsmanager")
    late.meta.events.register("before-call.secretsmanager.GetSecretValue", not_of_a_version)
    clients = {"secretsmanager": late}

    outcome = service.step(
        "createSecret", "green", version, lambda it: clients.get(it) or service.aws.client(it)
    )

    assert outcome == "nothing to do"
    assert service.value("green", "AWSPENDING") == made
    service.steps("green", version)
    assert service.logs_in("green")


def not_of_a_version(params: dict[str, Any], **_: Any) -> tuple[Any, dict[str, Any]] | None:
    """Answer that there is no such version; a question about a label is the server's."""
    if "VersionId" not in json.loads(params["body"]):
        return None
    error = {"Code": "ResourceNotFoundException", "Message": "can't find the specified secret"}
    return SimpleNamespace(status_code=400), {"Error": error}


def test_four_attempts_at_once_converge(service: RotatedService) -> None:
    """Secrets Manager tries again while an attempt that it gave up still goes on."""
    for _ in range(3):
        version = service.begin("green")
        together = threading.Barrier(4)

        def attempt(version: str = version, together: threading.Barrier = together) -> None:
            together.wait()
            with suppress(NotRotatedError):
                service.steps("green", version)

        with ThreadPoolExecutor(4) as pool:
            for one in [pool.submit(attempt) for _ in range(4)]:
                one.result()
        service.steps("green", version)

        assert service.labels("green")["ROTATED"] == version
        assert service.logs_in("green")
        assert service.logs_in("blue")
