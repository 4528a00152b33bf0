"""A service whose passwords are rotated by a function in the form of AWS's own."""

from __future__ import annotations

import io
import json
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.activation_queue import Queue
from tests.e2e.meter import nobody_is_denied
from tests.e2e.platform import ARCHITECTURE, RUNTIME, Platform, build_functions
from tests.e2e.rotating import OTHER, SETTLED, Rotating

FUNCTION = Path(__file__).parent / "single_user" / "lambda_function.py"


@pytest.fixture(scope="module")
def function(platform: Platform) -> str:
    """ARN of the function, which takes its driver from the zip of ours."""
    built = build_functions() / f"{RUNTIME}-{ARCHITECTURE}"
    ours = json.loads((built / "manifest.json").read_text())["rotate"]["file"]
    code = io.BytesIO((built / ours).read_bytes())
    with zipfile.ZipFile(code, "a") as archive:
        archive.write(FUNCTION, FUNCTION.name)
    functions = platform.aws.client("lambda")
    arn = functions.create_function(
        FunctionName="shop-rotate-single-user",
        Runtime=RUNTIME,
        Handler="lambda_function.lambda_handler",
        Role=platform.outputs("shop-rotation")["RotationFunctionRoleArn"],
        Code={"ZipFile": code.getvalue()},
        Timeout=60,
    )["FunctionArn"]
    functions.add_permission(
        FunctionName="shop-rotate-single-user",
        StatementId="rotation",
        Action="lambda:InvokeFunction",
        Principal="secretsmanager.amazonaws.com",
    )
    return str(arn)


@pytest.fixture(scope="module")
def hosted(platform: Platform, hello_image: str, function: str) -> Iterator[Rotating]:
    made = Rotating(
        platform,
        "hosted",
        hello_image,
        service_rotation_function_arn=function,
        service_rotation_function_role_arn=platform.outputs("shop-rotation")[
            "RotationFunctionRoleArn"
        ],
    )
    made.deploy()
    yield made
    made.deploy(service_state="absent", service_database_deletion="Drop")


def assert_ignored(service: Rotating, user: str) -> None:
    """The event about what is AWSCURRENT now has come, and moved nothing."""
    version = service.labels(user)["AWSCURRENT"]
    service.eventually(
        lambda: [it["outcome"] for it in service.said("activate", version)] == ["ignored"],
        f"the event about {version} is ignored",
    )
    assert service.labels(user).get("ROTATED") != version


def test_its_schedules_call_that_function(hosted: Rotating, function: str) -> None:
    for user in OTHER:
        described = hosted.secrets.describe_secret(SecretId=hosted.secret(user))
        assert described["RotationLambdaARN"] == function


def test_making_and_attaching_its_secrets_moves_nothing(hosted: Rotating) -> None:
    for user in OTHER:
        assert_ignored(hosted, user)
    assert hosted.active == hosted.parameter
    assert hosted.stack["StackStatus"] == "CREATE_COMPLETE"


def put_again(service: Rotating, user: str) -> None:
    """Put a user's value by hand, as it is."""
    secret = service.secret(user)
    value = service.secrets.get_secret_value(SecretId=secret)["SecretString"]
    service.secrets.put_secret_value(SecretId=secret, SecretString=value)


def test_a_value_put_by_hand_moves_nothing(hosted: Rotating) -> None:
    before = hosted.active
    put_again(hosted, hosted.idle)
    assert_ignored(hosted, hosted.idle)
    assert hosted.active == before


def test_its_rotation_moves_the_service_and_denies_nobody(hosted: Rotating) -> None:
    before = {user: hosted.password(user) for user in OTHER}
    with nobody_is_denied(hosted, "/health"):
        for _ in OTHER:
            user = hosted.rotate()
            hosted.wait_for(user)
            labels = hosted.labels(user)
            assert labels["ROTATED"] == labels["AWSCURRENT"]
            assert hosted.password(user) != before[user]


def test_a_value_put_by_hand_after_a_rotation_moves_nothing(hosted: Rotating) -> None:
    time.sleep(1)  # the local AWS notes whole seconds
    before, user = hosted.active, hosted.idle
    put_again(hosted, user)
    assert_ignored(hosted, user)
    assert hosted.active == before


def test_rotate_yml_rotates_with_it(hosted: Rotating) -> None:
    user = hosted.idle
    output = hosted.platform.play(
        "playbooks/rotate.yml", service_platform="shop", service_name="hosted"
    )
    assert f"{user} is active now" in output
    assert hosted.active == user


def test_its_rotation_whose_event_was_lost_is_made_good_by_the_sweep(
    hosted: Rotating, queue: Queue
) -> None:
    hosted.wait_for(hosted.active)  # that function has no guard for tasks that still drain
    with nobody_is_denied(hosted, "/health"):
        user = hosted.idle
        queue.lose()
        version = hosted.secrets.rotate_secret(SecretId=hosted.secret(user))["VersionId"]
        hosted.eventually(
            lambda: hosted.labels(user)["AWSCURRENT"] == version, f"{user} is rotated"
        )
        queue.lose_no_more()
        time.sleep(SETTLED)
        assert hosted.active == OTHER[user]
        queue.sweep()
        hosted.wait_for(user)
