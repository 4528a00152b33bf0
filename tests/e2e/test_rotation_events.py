"""Rotations and deployments that meet, and events that come twice, late or never: nobody is denied.

A denial meter (tests/e2e/denial_meter.py) and requests run all the time.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.activation_queue import Queue
from tests.e2e.meter import nobody_is_denied
from tests.e2e.platform import Platform
from tests.e2e.rotating import OTHER, SETTLED, Rotating

pytestmark = pytest.mark.walk


@pytest.fixture(scope="module")
def courier(platform: Platform, hello_image: str) -> Iterator[Rotating]:
    """A service with two tasks."""
    made = Rotating(platform, "courier", hello_image)
    made.deploy()
    yield made
    made.deploy(service_state="absent", service_database_deletion="Drop")


def events_of_the_stack(service: Rotating) -> list[tuple[str, str]]:
    """Status and token of the stack's own events, oldest first."""
    cloudformation = service.platform.aws.client("cloudformation")
    listed = cloudformation.describe_stack_events(StackName=service.stack_name)["StackEvents"]
    return [
        (event["ResourceStatus"], event.get("ClientRequestToken", ""))
        for event in reversed(listed)
        if event["LogicalResourceId"] == service.stack_name
    ]


def rotated(service: Rotating, user: str) -> str:
    """Rotate a user; return the version when its password is new."""
    version = service.secrets.rotate_secret(SecretId=service.secret(user))["VersionId"]
    service.eventually(
        lambda: service.labels(user).get("ROTATED") == version, f"{user} is rotated to {version}"
    )
    return str(version)


def outcomes(service: Rotating, version: str) -> list[str]:
    """What the activation of a version came to, one after the other."""
    said = [line["outcome"] for line in service.said("activate", version)]
    return [outcome for outcome in said if outcome != "ignored"]  # about AWSCURRENT


def test_a_flip_while_the_stack_is_deployed(courier: Rotating, queue: Queue) -> None:
    with nobody_is_denied(courier, "/health"):
        user = courier.idle
        queue.hold()
        version = rotated(courier, user)
        changed = courier.variables | {"service_environment": {"HEALTHY_AFTER": "3"}}
        deployment = courier.platform.start_playbook("playbooks/service.yml", **changed)
        courier.eventually(
            lambda: courier.stack["StackStatus"] == "UPDATE_IN_PROGRESS", "the stack is deployed"
        )
        queue.release()
        courier.wait_for(user)
        output, _ = deployment.communicate()
    assert deployment.returncode == 0, output
    assert outcomes(courier, version)[0] == "waiting"
    token = f"flip-{version}"
    own = events_of_the_stack(courier)
    begun = own.index(("UPDATE_IN_PROGRESS", token))
    assert own[begun - 1][0] == "UPDATE_COMPLETE"  # the deployment's
    assert ("UPDATE_COMPLETE", token) in own[begun:]
    definition = courier.platform.aws.client("ecs").describe_task_definition(
        taskDefinition="shop-courier"
    )["taskDefinition"]
    (container,) = definition["containerDefinitions"]
    assert {"name": "HEALTHY_AFTER", "value": "3"} in container["environment"]


def test_the_same_user_is_rotated_again_while_its_flip_waits(
    courier: Rotating, queue: Queue
) -> None:
    with nobody_is_denied(courier, "/health"):
        user = courier.idle
        queue.hold()
        first, second = rotated(courier, user), rotated(courier, user)
        queue.release()
        courier.wait_for(user)
        courier.eventually(queue.is_empty, "both messages are handled")
    assert outcomes(courier, first) == ["dropped"]
    assert outcomes(courier, second)[-1] == "active"


def test_a_deployment_names_the_idle_user_between_setsecret_and_finishsecret(
    courier: Rotating, queue: Queue
) -> None:
    user = courier.idle
    version, function = str(uuid.uuid4()), courier.platform.aws.client("lambda")
    arn = courier.secrets.describe_secret(SecretId=courier.secret(user))["ARN"]

    def do(step: str) -> None:
        event = {"Step": step, "SecretId": arn, "ClientRequestToken": version}
        courier.platform.aws.settle()  # Secrets Manager's steps don't begin before that
        answer = function.invoke(FunctionName="shop-rotate", Payload=json.dumps(event))
        assert "FunctionError" not in answer, answer["Payload"].read()

    with nobody_is_denied(courier, "/health"):
        begin(courier, user, version)
        do("createSecret")
        do("setSecret")
        name_by_hand(courier, user)
        time.sleep(SETTLED)
        assert courier.stack["StackStatus"] == "UPDATE_IN_PROGRESS"  # it waits for the rotation
        assert courier.task_users() == {OTHER[user]}
        do("testSecret")
        do("finishSecret")
        courier.wait_for(user)
        courier.eventually(queue.is_empty, "the message is handled")
    assert courier.stack["StackStatus"] == "UPDATE_COMPLETE"
    assert courier.labels(user)["AWSCURRENT"] == version
    assert outcomes(courier, version)[-1] == "active"


def begin(service: Rotating, user: str, version: str) -> None:
    """Stage a version for a user, whose steps are then done by hand."""
    value = json.loads(
        service.secrets.get_secret_value(SecretId=service.secret(user))["SecretString"]
    )
    service.secrets.put_secret_value(
        SecretId=service.secret(user),
        ClientRequestToken=version,
        SecretString=json.dumps(value | {"password": uuid.uuid4().hex}),
        VersionStages=["AWSPENDING"],
    )


def name_by_hand(service: Rotating, user: str) -> None:
    """Deploy the stack with another ActiveUser."""
    names = [it["ParameterKey"] for it in service.stack["Parameters"]]
    kept: list[dict[str, Any]] = [
        {"ParameterKey": name, "UsePreviousValue": True} for name in names if name != "ActiveUser"
    ]
    service.platform.aws.client("cloudformation").update_stack(
        StackName=service.stack_name,
        UsePreviousTemplate=True,
        Parameters=[*kept, {"ParameterKey": "ActiveUser", "ParameterValue": user}],
        Capabilities=["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"],
    )


def test_an_event_that_comes_twice_and_one_that_comes_late_move_nothing(
    courier: Rotating, queue: Queue
) -> None:
    url = queue.copy()
    with nobody_is_denied(courier, "/health"):
        user = courier.idle
        version = rotated(courier, user)
        event = queue.copied(url, version)
        queue.deliver(event)
        courier.wait_for(user)
        courier.eventually(queue.is_empty, "both messages are handled")
        once = events_of_the_stack(courier)
        assert once.count(("UPDATE_IN_PROGRESS", f"flip-{version}")) == 1

        rotated(courier, OTHER[user])
        courier.wait_for(OTHER[user])
        courier.eventually(queue.is_empty, "the next flip is handled")
        before = events_of_the_stack(courier)
        queue.deliver(event)
        courier.eventually(
            lambda: outcomes(courier, version)[-1] == "dropped", "the late event is dropped"
        )
    queue.copy_no_more(url)
    assert events_of_the_stack(courier) == before
    assert courier.active == OTHER[user]


def test_an_event_that_never_comes_is_made_good_by_the_sweep(
    courier: Rotating, queue: Queue
) -> None:
    with nobody_is_denied(courier, "/health"):
        user = courier.idle
        queue.lose()
        rotated(courier, user)
        queue.lose_no_more()
        time.sleep(SETTLED)
        assert courier.active == OTHER[user]
        queue.sweep()
        courier.wait_for(user)
