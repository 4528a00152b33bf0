"""Moving a service to the user that was rotated."""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError

from custom_resources.contract.names import ServiceUser
from custom_resources.rotation.activate import function as activate
from custom_resources.rotation.activate.function import NotActivatedError
from custom_resources.rotation.activate.secret import describe
from tests.integration.custom_resources.rotation.world import STEPS, RotatedService, eventually
from tests.integration.custom_resources.service import client, new_password
from tests.integration.custom_resources.support import (
    InterruptedClient,
    Interruption,
    Killed,
    interruptions,
)

New = Callable[..., RotatedService]


@pytest.fixture
def running(new_service: New, name: str) -> RotatedService:
    """A service with one task."""
    return new_service(name, Count="1")


def updates(service: RotatedService, token: str = "") -> list[str]:
    """The stack's own events, oldest first; those of one request if a token is given."""
    events = service.cloudformation.describe_stack_events(StackName=service.stack_name)
    return [
        event["ResourceStatus"]
        for event in reversed(events["StackEvents"])
        if event["LogicalResourceId"] == service.stack_name
        and (not token or event.get("ClientRequestToken") == token)
    ]


def flipped(service: RotatedService, message: dict[str, Any]) -> None:
    """Deliver a message until the queue may forget it."""
    eventually(lambda: service.activate(message), "the end of the flip")


def test_a_rotated_user_becomes_the_active_one_and_nothing_else_moves(
    running: RotatedService,
) -> None:
    before = running.stack or {}
    version = running.rotate("green")
    message = running.message("green", version)

    assert not running.activate(message)  # begun: the message must come again
    assert not running.activate(message) or running.parameters["ActiveUser"] == "green"
    flipped(running, message)
    after = running.stack or {}
    changed = {"Parameters", "StackStatus", "LastUpdatedTime", "LastOperations", "Outputs"}
    changed |= {"CreationTime"}
    assert after["StackStatus"] == "UPDATE_COMPLETE"
    assert running.parameters == {
        it["ParameterKey"]: it["ParameterValue"] for it in before["Parameters"]
    } | {"ActiveUser": "green"}
    assert {key: it for key, it in after.items() if key not in changed} == {
        key: it for key, it in before.items() if key not in changed
    }
    assert updates(running, f"flip-{version}")[-1] == "UPDATE_COMPLETE"


def test_a_message_that_comes_twice_moves_the_service_once(service: RotatedService) -> None:
    message = service.message("green", service.rotate("green"))
    flipped(service, message)
    before = updates(service)

    assert service.activate(message)
    assert updates(service) == before


def test_a_message_that_comes_late_does_not_undo_what_somebody_did_since(
    service: RotatedService,
) -> None:
    message = service.message("green", service.rotate("green"))
    flipped(service, message)
    service.deploy(ActiveUser="blue")

    assert service.activate(message)
    assert service.parameters["ActiveUser"] == "blue"


def test_a_version_that_was_rotated_again_while_its_message_waited_is_dropped(
    service: RotatedService,
) -> None:
    first = service.message("green", service.rotate("green"))
    second = service.message("green", service.rotate("green"))

    assert service.activate(first)
    assert service.parameters["ActiveUser"] == "blue"
    flipped(service, second)
    assert service.parameters["ActiveUser"] == "green"


def test_an_event_that_is_ahead_of_the_answers_waits_for_them(service: RotatedService) -> None:
    """Secrets Manager is eventually consistent: AWSCURRENT may not be there yet."""
    version = service.begin("green")
    message = service.message("green", version)
    for step in STEPS[:-1]:
        service.step(step, "green", version)
    assert not service.activate(message)
    service.step("finishSecret", "green", version)

    flipped(service, message)
    assert service.parameters["ActiveUser"] == "green"


@pytest.mark.parametrize("token", ["of_our_own" * 4, "1.2/3 + 4: ünïcödé" * 3])
def test_a_version_whose_id_is_no_token_is_activated(service: RotatedService, token: str) -> None:
    service.secretsmanager.rotate_secret(
        SecretId=service.secret_name("green"),
        RotationLambdaARN=service.function,
        ClientRequestToken=token,
    )
    service.steps("green", token)
    flipped(service, service.message("green", token))

    assert service.parameters["ActiveUser"] == "green"


def test_a_secret_that_is_gone_is_dropped(service: RotatedService) -> None:
    message = service.message("green", service.rotate("green"))
    service.secretsmanager.delete_secret(
        SecretId=service.secret_name("green"), ForceDeleteWithoutRecovery=True
    )

    assert service.activate(message)


def about(message: dict[str, Any], label: str) -> dict[str, Any]:
    """The message that another label has moved."""
    body = message["Records"][0]["body"].replace('"ROTATED"', f'"{label}"')
    return {"Records": [{"messageId": "m", "body": body}]}


@pytest.mark.parametrize("label", ["AWSPREVIOUS", "AWSCURRENT"])
def test_an_event_about_another_label_is_ignored(
    service: RotatedService, log_lines: list[str], label: str
) -> None:
    version = service.rotate("green")

    assert service.activate(about(service.message("green", version), label))
    assert service.parameters["ActiveUser"] == "blue"
    # Whoever follows the version in the log must not take it for the end of the flip.
    assert lines_about(service, log_lines, "ignored")


def test_a_rotation_by_another_function_is_labelled_and_a_value_put_by_hand_is_not(
    service: RotatedService,
) -> None:
    version = service.rotate_without_our_label("green")
    assert service.activate(about(service.message("green", version), "AWSCURRENT"))
    assert service.labels("green")["ROTATED"] == version

    by_hand = service.put("green", new_password())
    assert service.activate(about(service.message("green", by_hand), "AWSCURRENT"))
    assert service.labels("green")["ROTATED"] == version


def test_an_event_about_a_secret_of_an_application_is_ignored(service: RotatedService) -> None:
    message = service.message("green", service.rotate("green"))
    body = json.loads(message["Records"][0]["body"])
    for label in ("AWSCURRENT", "ROTATED"):
        body["detail"] |= {"name": "rotated/of-an-application", "labelUpdated": label}
        assert service.activate({"Records": [{"messageId": "m", "body": json.dumps(body)}]})


def test_a_flip_and_a_deployment_at_once_both_end_well(running: RotatedService) -> None:
    message = running.message("green", running.rotate("green"))
    running.deploy(wait=False, LingerSeconds="0.1")

    assert not running.activate(message)
    flipped(running, message)
    parameters = running.parameters
    assert (parameters["ActiveUser"], parameters["LingerSeconds"]) == ("green", "0.1")
    assert (running.stack or {})["StackStatus"] == "UPDATE_COMPLETE"


def test_a_flip_whose_tasks_crash_is_rolled_back_and_never_repeated(
    running: RotatedService, log_lines: list[str]
) -> None:
    running.deploy(CrashAs="green")
    version = running.rotate("green")
    message = running.message("green", version)
    running.activate(message)
    assert running.settle() == "UPDATE_ROLLBACK_COMPLETE"
    before = updates(running)

    for _ in range(3):
        with pytest.raises(NotActivatedError, match=r"was rolled back, and isn't repeated.*rotate"):
            running.activate(message)
    assert updates(running) == before
    assert running.parameters["ActiveUser"] == "blue"
    assert any("'outcome': 'rolled-back'" in line for line in log_lines)
    assert running.logs_in("blue")


def test_the_next_rotation_flips_after_one_that_rolled_back(running: RotatedService) -> None:
    running.deploy(CrashAs="green")
    running.activate(running.message("green", running.rotate("green")))
    running.settle()
    eventually(lambda: len(running.tasks()) == 1, "the end of the failed tasks")
    running.deploy(CrashAs="")
    eventually(lambda: len(running.tasks()) == 1, "the end of the old task")
    flipped(running, running.message("green", running.rotate("green")))

    assert running.parameters["ActiveUser"] == "green"


def test_a_stack_without_a_service_role_is_refused_and_left_as_it_is(
    new_service: New, name: str
) -> None:
    service = new_service(name, role="")
    message = service.message("green", service.rotate("green"))
    before = updates(service)

    with pytest.raises(NotActivatedError, match=r"has no service role.*CloudFormationRoleArn"):
        service.activate(message)
    assert updates(service) == before


def test_a_paused_platform_leaves_a_rotated_user_to_the_sweep_however_long_it_is_paused(
    service: RotatedService, monkeypatch: pytest.MonkeyPatch, log_lines: list[str]
) -> None:
    """A message that waited would come to the dead-letter queue after a day and a half."""
    message = service.message("green", service.rotate("green"))
    monkeypatch.setenv("ROTATION_PAUSED", "true")

    assert service.activate(message)
    sweep(service, days=60)
    assert service.parameters["ActiveUser"] == "blue"
    assert any("rotation is paused on this platform" in line for line in log_lines)
    monkeypatch.setenv("ROTATION_PAUSED", "false")
    sweep(service, days=61)
    service.settle()
    assert service.parameters["ActiveUser"] == "green"


# --- A flip that failed before it came to the ECS service ---


@pytest.fixture
def failed_early(service: RotatedService, log_lines: list[str]) -> tuple[RotatedService, str]:
    """A service whose flip failed once, before its ECS service was touched, and the version."""
    service.aws.fail(service.stack_name, "TaskDefinition", "UPDATE", reason="database is away")
    version = service.rotate("green")
    message = service.message("green", version)
    assert not service.activate(message)
    assert service.settle() == "UPDATE_ROLLBACK_COMPLETE"
    assert service.activate(message)  # the sweep has it now
    assert lines_about(service, log_lines, "left to the daily sweep")
    return service, version


def test_it_is_tried_again_by_the_next_sweep_with_a_token_of_its_own(
    failed_early: tuple[RotatedService, str],
) -> None:
    service, version = failed_early
    sweep(service)
    assert service.settle() == "UPDATE_COMPLETE"

    assert service.parameters["ActiveUser"] == "green"
    assert updates(service, f"flip-{version}-2")[-1] == "UPDATE_COMPLETE"


def test_it_is_tried_once_a_day_for_three_days_and_then_told_as_any_that_rolled_back(
    failed_early: tuple[RotatedService, str], log_lines: list[str]
) -> None:
    service, version = failed_early
    service.aws.fail(service.stack_name, "TaskDefinition", "UPDATE", times=3)
    for day in (1, 2, 3):
        sweep(service, days=day)
        assert service.settle() == "UPDATE_ROLLBACK_COMPLETE"
        before = updates(service)
        assert not lines_about(service, log_lines, "rolled-back")
        sweep(service, days=0)  # Lambda repeats an invocation that failed
        assert updates(service) == before
        assert updates(service, f"flip-{version}-{day + 1}")

    (told,) = lines_about(service, log_lines, "rolled-back")  # what the alarm counts
    assert "was rolled back 4 times, and isn't repeated" in told
    assert service.parameters["ActiveUser"] == "blue"


def test_it_is_not_tried_again_after_a_deployment(
    failed_early: tuple[RotatedService, str], log_lines: list[str]
) -> None:
    service, _ = failed_early
    service.deploy(LingerSeconds="0.1")
    before = updates(service)
    sweep(service)

    assert updates(service) == before
    assert lines_about(service, log_lines, "rolled-back")


def test_it_is_not_tried_again_once_its_version_was_replaced(
    failed_early: tuple[RotatedService, str],
) -> None:
    service, _ = failed_early
    service.put("green", new_password())
    before = updates(service)
    sweep(service)

    assert updates(service) == before


def test_a_message_of_another_form_is_reported_and_not_lost(service: RotatedService) -> None:
    with pytest.raises(NotActivatedError, match="is no event Secret Label Updated"):
        service.activate({"Records": [{"messageId": "m", "body": "{}"}]})


def test_the_two_users_take_turns(running: RotatedService) -> None:
    for colour in ("green", "blue", "green"):
        eventually(lambda: len(running.tasks()) == 1, "the end of the old task")
        flipped(running, running.message(colour, running.rotate(colour)))
        assert running.parameters["ActiveUser"] == colour
        assert running.logs_in("blue")
        assert running.logs_in("green")


def test_a_message_whose_handling_is_killed_anywhere_moves_the_service_once(
    service: RotatedService,
) -> None:
    colours, points = ["green", "blue"], 0
    for interruption in interruptions():
        colour = colours[points % 2]
        version = service.rotate(colour)
        message = service.message(colour, version)
        with suppress(Killed):
            service.activate(message, interrupted(service, interruption))
        if not interruption.happened:
            break
        points += 1
        flipped(service, message)
        begun = "UPDATE_IN_PROGRESS"
        assert updates(service, f"flip-{version}").count(begun) == 1
        assert service.parameters["ActiveUser"] == colour
    print(f"killed at {points} points")
    assert points >= 8


def interrupted(service: RotatedService, interruption: Interruption) -> Callable[[str], Any]:
    return lambda name: InterruptedClient(client(service.aws, name), interruption)


# --- The sweep ---


def sweep(service: RotatedService, *, days: float = 0) -> dict[str, int]:
    now = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=days)
    return activate.run({"sweep": True}, service.activate_clients(), now)


def lines_about(service: RotatedService, lines: list[str], outcome: str) -> list[str]:
    return [it for it in lines if service.name in it and f"'outcome': '{outcome}'" in it]


def test_the_sweep_activates_what_no_event_told_of_and_then_finds_nothing(
    service: RotatedService, log_lines: list[str]
) -> None:
    service.rotate("green")
    sweep(service)
    service.settle()
    assert service.parameters["ActiveUser"] == "green"
    assert lines_about(service, log_lines, "flip begun")
    log_lines.clear()
    sweep(service)

    found = [line for line in log_lines if service.name in line]
    assert all("'outcome': 'swept'" in line for line in found)  # which names the oldest password


def test_the_sweep_does_not_repeat_a_flip_that_rolled_back(
    running: RotatedService, log_lines: list[str]
) -> None:
    running.deploy(CrashAs="green")
    running.activate(running.message("green", running.rotate("green")))
    running.settle()
    before = updates(running)
    sweep(running)

    assert updates(running) == before
    assert lines_about(running, log_lines, "rolled-back")


def test_the_sweep_leaves_a_service_that_was_moved_by_hand_once_the_flips_events_are_gone(
    service: RotatedService, log_lines: list[str]
) -> None:
    """CloudFormation tells of 90 days; what was done before then can't be told from never done."""
    service.rotate("green")
    sweep(service, days=91)

    assert service.parameters["ActiveUser"] == "blue"
    assert lines_about(service, log_lines, "dropped")


def test_the_sweep_unstages_an_empty_version_once_nobody_tries_it_any_more(
    service: RotatedService,
) -> None:
    version = service.begin("green")
    sweep(service)
    assert service.labels("green")["AWSPENDING"] == version  # may still be tried again
    sweep(service, days=2)

    assert "AWSPENDING" not in service.labels("green")
    service.rotate("green")


def test_the_sweep_only_reports_a_version_with_a_value(
    service: RotatedService, log_lines: list[str]
) -> None:
    version = service.begin("green")
    service.step("createSecret", "green", version)
    service.step("setSecret", "green", version)
    sweep(service, days=2)

    assert service.labels("green")["AWSPENDING"] == version
    assert lines_about(service, log_lines, "stuck")
    service.steps("green", version)
    assert service.logs_in("green")


def test_the_sweep_labels_a_rotation_that_ended_between_its_two_labels(
    service: RotatedService,
) -> None:
    version = service.rotate_without_our_label("green")
    sweep(service)

    assert service.labels("green")["ROTATED"] == version


def test_the_sweep_reports_a_secret_whose_schedule_passed_without_a_rotation(
    service: RotatedService, log_lines: list[str]
) -> None:
    service.rotate("green")  # RotateSecret has given it a rotation function
    sweep(service, days=20)
    assert not lines_about(service, log_lines, "overdue")
    sweep(service, days=40)

    assert lines_about(service, log_lines, "overdue")


def test_a_secret_that_was_never_rotated_counts_from_when_it_got_its_schedule(
    service: RotatedService,
) -> None:
    """A service may be years old when its rotation is switched on."""
    user = ServiceUser.of(service.secret_name("green"))
    assert user
    created = service.secretsmanager.describe_secret(SecretId=user.secret_name)["CreatedDate"]
    assert describe(service.activate_clients(), user).rotatable == created
    eventually(
        lambda: datetime.datetime.now(datetime.UTC).timestamp() > created.timestamp() + 1, ""
    )
    service.deploy(RotationFunctionArn=service.function)

    secret = describe(service.activate_clients(), user)
    assert secret.function == service.function
    assert secret.last_rotated is None
    assert secret.rotatable > created


def test_the_sweep_goes_on_after_a_service_that_it_cannot_look_at(
    service: RotatedService, log_lines: list[str]
) -> None:
    lost = f"rotated/a{service.name}/db/green"
    text = service.text("green", "x")
    arn = service.secretsmanager.create_secret(Name=lost, SecretString=text)["ARN"]
    version = service.secretsmanager.describe_secret(SecretId=arn)["VersionIdsToStages"]
    service.secretsmanager.update_secret_version_stage(
        SecretId=arn, VersionStage="ROTATED", MoveToVersionId=next(iter(version))
    )
    service.rotate("green")
    try:
        # What it raises is what PLATFORM-activate-errors counts.
        with pytest.raises(NotActivatedError, match=r"for some services \(not activated: 1\)"):
            sweep(service)
    finally:
        service.secretsmanager.delete_secret(SecretId=arn, ForceDeleteWithoutRecovery=True)

    assert any("There is no stack rotated-service-a" in line for line in log_lines)
    assert lines_about(service, log_lines, "flip begun")


class TimingOut:
    """Secrets Manager, which doesn't answer about one secret."""

    def __init__(self, secretsmanager: Any, name: str) -> None:
        self._secretsmanager, self._name = secretsmanager, name

    def __getattr__(self, name: str) -> Any:
        return getattr(self._secretsmanager, name)

    def describe_secret(self, **request: Any) -> Any:
        if request["SecretId"] == self._name:
            raise ReadTimeoutError(endpoint_url="https://aws.example")
        return self._secretsmanager.describe_secret(**request)


def test_the_sweep_goes_on_after_a_call_that_times_out(
    new_service: New, name: str, log_lines: list[str]
) -> None:
    silent, other = new_service(f"a{name}"), new_service(f"b{name}")
    other.rotate("green")
    clients = replace(
        other.activate_clients(),
        secretsmanager=TimingOut(other.secretsmanager, silent.secret_name("blue")),
    )
    with pytest.raises(NotActivatedError, match=r"for some services \(failed: 1\)"):
        activate.run({"sweep": True}, clients, datetime.datetime.now(datetime.UTC))

    assert any("ReadTimeoutError" in line for line in lines_about(silent, log_lines, "failed"))
    assert lines_about(other, log_lines, "flip begun")


def test_nothing_secret_is_logged(service: RotatedService, log_lines: list[str]) -> None:
    version = service.begin("green")
    service.step("createSecret", "green", version)
    passwords = [
        (service.value("green", stage) or {})["password"] for stage in ("AWSCURRENT", "AWSPENDING")
    ]
    sweep(service, days=2)
    service.steps("green", version)
    flipped(service, service.message("green", version))
    told = json.dumps(log_lines)

    assert version in told
    assert not [password for password in passwords if password in told]
