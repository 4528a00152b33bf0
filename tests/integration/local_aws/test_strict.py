"""Strict mode: answers are a moment old, and too many calls are refused."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from local_aws.control import LocalAws
from tests.integration.local_aws.support import Stacks, eventually, function

ONCE = Config(retries={"total_max_attempts": 1})
SHORTEST, LONGEST = 0.3, 0.7  # seconds that an answer is old
ROTATION = """
import boto3

def handler(event, context):
    client = boto3.client("secretsmanager")
    secret, token, step = event["SecretId"], event["ClientRequestToken"], event["Step"]
    stages = client.describe_secret(SecretId=secret)["VersionIdsToStages"]
    assert "AWSPENDING" in stages[token], stages
    if step == "createSecret":
        client.put_secret_value(SecretId=secret, ClientRequestToken=token,
                                SecretString="rotated", VersionStages=["AWSPENDING"])
    elif step == "finishSecret":
        current = next(version for version, found in stages.items() if "AWSCURRENT" in found)
        client.update_secret_version_stage(SecretId=secret, VersionStage="AWSCURRENT",
                                           MoveToVersionId=token, RemoveFromVersionId=current)
    else:
        client.get_secret_value(SecretId=secret, VersionStage="AWSPENDING", VersionId=token)
"""


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    with LocalAws.start(tmp_path_factory.mktemp("strict"), strict=True) as running:
        yield running


def read_right_after(write: Callable[[], Any], read: Callable[[], Any]) -> tuple[Any, Any]:
    """Return what both answered in one go that was quicker than any answer is late."""
    for _ in range(30):
        time.sleep(LONGEST + 0.1)  # what was written before is seen by all
        started = time.monotonic()
        written, seen = write(), read()
        if time.monotonic() - started < SHORTEST:
            return written, seen
    raise AssertionError("this machine is too busy to read within 0.3 s of a write")


def test_a_secret_shows_for_a_moment_what_it_was(strict: LocalAws) -> None:
    client = strict.client("secretsmanager")
    client.create_secret(Name="late", SecretString="0")
    assert client.get_secret_value(SecretId="late")["SecretString"] == "0"  # new: seen at once
    values = itertools.count(1)

    def write() -> int:
        value = next(values)
        client.put_secret_value(SecretId="late", SecretString=str(value))
        return value

    def read() -> int:
        return int(client.get_secret_value(SecretId="late")["SecretString"])

    written, seen = read_right_after(write, read)
    assert seen == written - 1
    eventually(lambda: read() == written)


def test_a_rotation_goes_through_all_the_same(strict: LocalAws, host_runtime: str) -> None:
    arn = function(strict, "late-rotation", ROTATION, host_runtime)
    strict.client("lambda").add_permission(
        FunctionName="late-rotation",
        StatementId="rotation",
        Action="lambda:InvokeFunction",
        Principal="secretsmanager.amazonaws.com",
    )
    client = strict.client("secretsmanager")
    client.create_secret(Name="rotated", SecretString="first")
    client.rotate_secret(SecretId="rotated", RotationLambdaARN=arn)
    eventually(lambda: client.get_secret_value(SecretId="rotated")["SecretString"] == "rotated")


def test_a_service_and_its_tasks_are_seen_a_moment_late(strict: LocalAws) -> None:
    image = strict.push_image(Path(__file__).parent / "image", "app:1")
    ecs = strict.client("ecs")
    ecs.create_cluster(clusterName="late")
    environment = [{"name": "PORT", "value": "8080"}]
    container = {"name": "app", "image": image, "memory": 64, "environment": environment}
    ecs.register_task_definition(family="late", containerDefinitions=[container])
    ecs.create_service(cluster="late", serviceName="late", taskDefinition="late", desiredCount=0)
    counts = itertools.cycle((1, 0))

    def scale() -> int:
        count = next(counts)
        ecs.update_service(cluster="late", service="late", desiredCount=count)
        return count

    def desired() -> int:
        service = ecs.describe_services(cluster="late", services=["late"])["services"][0]
        return int(service["desiredCount"])

    written, seen = read_right_after(scale, desired)
    assert seen != written
    eventually(lambda: desired() == written)

    def run() -> str:
        return str(ecs.run_task(cluster="late", taskDefinition="late")["tasks"][0]["taskArn"])

    def listed() -> list[str]:
        return list(ecs.list_tasks(cluster="late")["taskArns"])

    task, tasks = read_right_after(run, listed)
    assert task not in tasks
    eventually(lambda: task in listed())


def test_too_many_calls_are_refused_until_the_bucket_fills_again(strict: LocalAws) -> None:
    ssm = strict.client("ssm", config=ONCE)
    ssm.put_parameter(Name="/throttled", Value="1", Type="String")

    def ask_on() -> None:
        for _ in range(2000):
            ssm.put_parameter(Name="/throttled", Value="2", Type="String", Overwrite=True)

    with pytest.raises(ClientError, match="Rate exceeded") as refused:
        ask_on()
    assert refused.value.response["Error"]["Code"] == "ThrottlingException"
    assert ssm.get_parameter(Name="/throttled")["Parameter"]["Version"] >= 3  # another bucket
    time.sleep(1)
    ssm.put_parameter(Name="/throttled", Value="3", Type="String", Overwrite=True)


def test_load_balancing_refuses_in_its_own_form(strict: LocalAws) -> None:
    balancing = strict.client("elbv2", config=ONCE)

    codes = set()
    for _ in range(40):
        try:
            balancing.delete_rule(RuleArn="arn:none")
        except ClientError as error:
            codes.add(error.response["Error"]["Code"])
    assert "ThrottlingException" in codes


def test_the_name_of_a_deleted_queue_is_taken_for_a_minute(strict: LocalAws) -> None:
    queues = strict.client("sqs")
    url = queues.create_queue(QueueName="gone")["QueueUrl"]
    queues.delete_queue(QueueUrl=url)
    with pytest.raises(queues.exceptions.QueueDeletedRecently, match="wait 60 seconds"):
        queues.create_queue(QueueName="gone")
    queues.create_queue(QueueName="another")
    strict.idle(61 / 86400)
    queues.create_queue(QueueName="gone")


def test_a_stack_that_is_deleted_and_created_again_has_to_wait_for_its_queue(
    strict: LocalAws,
) -> None:
    stacks = Stacks(strict)
    properties = {"QueueName": "of-a-stack"}
    template = {"Resources": {"Queue": {"Type": "AWS::SQS::Queue", "Properties": properties}}}
    stacks.deploy("queue", template)
    stacks.delete("queue")
    with pytest.raises(AssertionError, match="You must wait 60 seconds"):
        stacks.deploy("queue", template)
    stacks.delete("queue")
    strict.idle(61 / 86400)
    stacks.deploy("queue", template)
