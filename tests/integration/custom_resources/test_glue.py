"""What every function promises CloudFormation, whatever it does inside."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from custom_resources.shared import log
from custom_resources.shared.cloudformation import CustomResource
from custom_resources.shared.failure import Failure
from custom_resources.shared.request import Answer as Made
from custom_resources.shared.request import Request
from local_aws.control import LocalAws
from tests.integration.custom_resources.postgres_servers import PostgresServer
from tests.integration.custom_resources.service import Service
from tests.integration.custom_resources.support import CloudFormation

STACK = "arn:aws:cloudformation:eu-central-1:000000000000:stack/s/1"


def resource(
    work: Callable[[Request], Made], remove: Callable[[Request], None] | None = None
) -> CustomResource:
    made = CustomResource()
    made.converge(work)
    made.remove("test:", remove or (lambda _request: None))
    return made


def fail(request: Request) -> Made:
    raise Failure("It rains.", "Stay in.")


def test_a_failed_create_before_any_change_is_answered_with_an_id_that_stands_for_nothing(
    cfn: CloudFormation,
) -> None:
    answer = cfn.send(resource(fail), "Create", {}, stack_id=STACK)

    assert (answer["Status"], answer.reason) == ("FAILED", "It rains. Stay in.")
    assert answer.physical_id == "not-created:Resource"
    deleted = cfn.send(resource(fail), "Delete", {}, stack_id=STACK, physical_id=answer.physical_id)
    assert deleted.succeeded


def test_a_failed_create_after_a_change_is_answered_with_the_id_to_delete(
    cfn: CloudFormation,
) -> None:
    def work(request: Request) -> Made:
        request.claim("test:begun")
        raise Failure("It rains.", "Stay in.")

    assert cfn.send(resource(work), "Create", {}, stack_id=STACK).physical_id == "test:begun"


def test_a_failed_update_keeps_its_physical_id(cfn: CloudFormation) -> None:
    answer = cfn.send(resource(fail), "Update", {}, stack_id=STACK, physical_id="test:old")

    assert answer.physical_id == "test:old"


def test_what_one_event_claimed_is_forgotten_at_the_next(cfn: CloudFormation) -> None:
    def work(request: Request) -> Made:
        if request.properties.get("First"):
            request.claim("test:first")
        raise Failure("It rains.", "Stay in.")

    warm = resource(work)
    cfn.send(warm, "Create", {"First": "yes"}, stack_id=STACK)

    assert cfn.send(warm, "Create", {}, stack_id=STACK).physical_id == "not-created:Resource"


def test_a_function_that_runs_out_of_time_answers_once_before_lambda_ends_it(
    cfn: CloudFormation,
) -> None:
    def work(request: Request) -> Made:
        request.claim("test:begun")
        while not any(cfn.answers.get(str(request.event["RequestId"]), [])):
            time.sleep(0.01)
        return Made("test:begun")

    answer = cfn.send(resource(work), "Create", {}, stack_id=STACK, seconds=5.2)

    assert (answer["Status"], answer.physical_id) == ("FAILED", "test:begun")
    assert answer.reason.startswith("The function ran out of time.")
    assert len(cfn.answers[answer["RequestId"]]) == 1


# --- The answer gets there, or the function fails ---


def succeed(_request: Request) -> Made:
    return Made("test:x")


@pytest.mark.parametrize("refusals", [[503], [500, 503, 0, 502], [0, 0, 0]])
def test_an_answer_that_the_server_fails_to_take_is_sent_again(
    cfn: CloudFormation, refusals: list[int]
) -> None:
    cfn.refusals = list(refusals)

    assert cfn.send(resource(succeed), "Create", {}, stack_id=STACK).succeeded
    assert cfn.refusals == []


@pytest.mark.parametrize("status", [403, 400, 404, 302])
def test_a_url_that_is_refused_is_not_tried_again_and_lambda_counts_an_error(
    cfn: CloudFormation, status: int, log_lines: list[str]
) -> None:
    cfn.refusals = [status]

    with pytest.raises(Failure, match=f"answer SUCCESS for the resource Resource: .*{status}, at"):
        cfn.send(resource(succeed), "Create", {}, stack_id=STACK)

    assert not cfn.refusals
    assert "signature=" not in "".join(log_lines)


@pytest.mark.parametrize("refusals", [[503] * 50, [0] * 50])
def test_an_answer_is_tried_until_just_before_lambda_ends_the_function(
    cfn: CloudFormation, refusals: list[int]
) -> None:
    cfn.refusals = list(refusals)
    began = time.monotonic()

    with pytest.raises(Failure, match="see that the function reaches Amazon S3"):
        cfn.send(resource(succeed), "Create", {}, stack_id=STACK, seconds=3)

    attempts = len(refusals) - len(cfn.refusals)
    cfn.refusals = []
    assert attempts >= 4
    assert time.monotonic() - began < 3


def test_a_function_that_runs_out_of_time_sends_its_answer_again_too(cfn: CloudFormation) -> None:
    def work(_request: Request) -> Made:
        time.sleep(0.5)  # the answer to the time-out is under way by then
        return Made("test:x")

    cfn.refusals = [503, 503]
    answer = cfn.send(resource(work), "Create", {}, stack_id=STACK, seconds=5.2)

    assert answer.reason.startswith("The function ran out of time.")
    assert len(cfn.answers[answer["RequestId"]]) == 1


def test_a_warm_function_forgets_that_an_answer_was_lost(cfn: CloudFormation) -> None:
    warm = resource(succeed)
    cfn.refusals = [403]
    with pytest.raises(Failure):
        cfn.send(warm, "Create", {}, stack_id=STACK)

    assert cfn.send(warm, "Create", {}, stack_id=STACK).succeeded


@pytest.mark.parametrize("character", ["x", "ß", "😀", '"', "\n"])
def test_a_response_is_never_too_long_for_cloudformation(
    cfn: CloudFormation, character: str
) -> None:
    def work(request: Request) -> Made:
        request.claim("test:" + "x" * 300)
        raise Failure(character * 100_000, "Stay in.")

    answer = cfn.send(resource(work), "Create", {}, stack_id=STACK)

    assert len(answer.body) <= 4096
    assert not answer.succeeded


def test_the_beginning_of_a_long_reason_is_kept(cfn: CloudFormation) -> None:
    def work(request: Request) -> Made:
        raise Failure("The parameter /p/x exists " + "x" * 5000, "Stay in.")

    answer = cfn.send(resource(work), "Create", {}, stack_id=STACK)

    assert answer.reason.startswith("The parameter /p/x exists ")


@pytest.mark.parametrize("request_type", ["Create", "Update", "Delete"])
def test_a_broken_library_is_answered(cfn: CloudFormation, request_type: str) -> None:
    broken = CustomResource()
    with broken.importing():
        importlib.import_module("no_such_library")

    answer = cfn.send(broken, request_type, {}, stack_id=STACK, physical_id="test:x")

    assert not answer.succeeded
    assert "No module named 'no_such_library'" in answer.reason
    assert "runtime and architecture" in answer.reason


def test_the_database_function_answers_with_a_psycopg2_of_another_python(
    cfn: CloudFormation, tmp_path_factory: pytest.TempPathFactory, aws: LocalAws
) -> None:
    wrong = tmp_path_factory.mktemp("wrong")
    (wrong / "psycopg2").mkdir()
    (wrong / "psycopg2" / "__init__.py").write_text("from psycopg2._psycopg import connect\n")
    program = (
        "import json, sys; from custom_resources.database.function import handler;"
        "context = type('C', (), {'aws_request_id': 'x',"
        " 'get_remaining_time_in_millis': lambda self: 60000})();"
        "handler(json.loads(sys.argv[1]), context)"
    )

    def handler(event: dict[str, object], _context: Any) -> None:
        environment = aws.environment | {
            "PYTHONPATH": f"{wrong}:.",
            "SSL_CERT_FILE": os.environ["SSL_CERT_FILE"],
        }
        command = [sys.executable, "-c", program, json.dumps(event)]
        subprocess.run(command, check=True, env=environment, capture_output=True, timeout=60)

    answer = cfn.send(handler, "Create", {}, stack_id=STACK)

    assert "cannot load its code" in answer.reason
    assert "psycopg2._psycopg" in answer.reason


def test_no_echo_and_data_of_one_event_are_gone_at_the_next(cfn: CloudFormation) -> None:
    def work(request: Request) -> Made:
        if request.properties.get("Data"):
            return Made("test:x", {"Data": "x"})
        return Made("test:x")

    warm = resource(work)
    cfn.send(warm, "Create", {"Data": "yes"}, stack_id=STACK)
    answer = cfn.send(warm, "Create", {}, stack_id=STACK)

    assert (answer["NoEcho"], answer.data) == (False, {})


# --- No secret anywhere, even at DEBUG ---


def test_a_secret_in_an_error_of_aws_is_struck_out(
    cfn: CloudFormation, log_lines: list[str]
) -> None:
    def work(request: Request) -> Made:
        secret = log.confide("CANARY-123")
        raise ClientError(
            {"Error": {"Code": "ValidationException", "Message": f"Value {secret} is bad"}}, "Put"
        )

    answer = cfn.send(resource(work), "Create", {}, stack_id=STACK)

    assert "Value **** is bad" in answer.reason
    assert "CANARY" not in "".join(log_lines)


@pytest.mark.parametrize("postgres", [17], indirect=True, ids=["postgres17"])
def test_no_password_shows_in_log_answer_or_servers_log(
    cfn: CloudFormation, postgres: PostgresServer, service: Service, log_lines: list[str]
) -> None:
    from custom_resources.database.function import handler

    broken = service.both | {"Extensions": ["no_such_thing"]}
    for request_type, properties in (
        ("Create", service.both),
        ("Update", service.both | {"ActiveUser": "green"}),
        ("Update", broken),
        ("Delete", service.both),
        ("Create", broken),
        ("Delete", service.both | {"DeletionPolicy": "Drop"}),
    ):
        physical_id = f"database:{service.name}" if request_type != "Create" else ""
        cfn.send(
            handler,
            request_type,
            properties,
            stack_id=service.stack_id,
            physical_id=physical_id,
        )

    said = "".join(log_lines) + postgres.log
    said += "".join(answer.body.decode() for answers in cfn.answers.values() for answer in answers)
    for secret in (*service.passwords.values(), postgres.admin_password):
        assert secret not in said


def test_no_generated_password_shows_in_log_or_answer(
    cfn: CloudFormation, aws: LocalAws, name: str, stack_id: str, log_lines: list[str]
) -> None:
    from custom_resources.password.function import handler

    properties = {"ParameterName": f"/{name}/p", "KeyId": "alias/x"}
    answer = cfn.send(handler, "Create", properties, stack_id=stack_id)
    ssm = aws.client("ssm")
    password = ssm.get_parameter(Name=f"/{name}/p", WithDecryption=True)["Parameter"]["Value"]

    assert password not in answer.body.decode() + "".join(log_lines)
