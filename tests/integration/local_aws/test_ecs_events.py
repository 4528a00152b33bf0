"""What EventBridge gets of ECS: each state of a task and of a deployment, as AWS sends it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from local_aws.control import LocalAws
from tests.integration.local_aws.support import Service, Stacks, described, eventually

CRASH = {"Command": ["python", "-c", "raise SystemExit(3)"]}
TASKS, DEPLOYMENTS = "ECS Task State Change", "ECS Deployment State Change"


class Heard:
    """The events of one rule, as they come."""

    def __init__(self, aws: LocalAws, queue: str) -> None:
        self._sqs, self._queue = aws.client("sqs"), queue
        self._events: list[dict[str, Any]] = []

    def of(self, kind: str, resource: str) -> list[dict[str, Any]]:
        """What came so far of one kind, of those resources whose ARNs hold a text."""
        while taken := self._sqs.receive_message(QueueUrl=self._queue, MaxNumberOfMessages=10).get(
            "Messages"
        ):
            for message in taken:
                self._events.append(json.loads(message["Body"]))
                self._sqs.delete_message(
                    QueueUrl=self._queue, ReceiptHandle=message["ReceiptHandle"]
                )
        return [
            it
            for it in self._events
            if it["detail-type"] == kind and resource in json.dumps([it["resources"], it["detail"]])
        ]

    def names(self, service: str) -> list[str]:
        """The names of the events of a service's deployments."""
        found = self.of(DEPLOYMENTS, f"service/tests/{service}")
        return [it["detail"]["eventName"].removeprefix("SERVICE_DEPLOYMENT_") for it in found]


@pytest.fixture
def heard(aws: LocalAws) -> Iterator[Heard]:
    stacks = Stacks(aws)
    arn = {"Fn::GetAtt": ["Queue", "Arn"]}
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": arn,
        "Condition": {"ArnEquals": {"aws:SourceArn": {"Fn::GetAtt": ["Rule", "Arn"]}}},
    }
    document = {"Version": "2012-10-17", "Statement": [statement]}
    template = {
        "Resources": {
            "Queue": {"Type": "AWS::SQS::Queue", "Properties": {}},
            "Policy": {
                "Type": "AWS::SQS::QueuePolicy",
                "Properties": {"Queues": [{"Ref": "Queue"}], "PolicyDocument": document},
            },
            "Rule": {
                "Type": "AWS::Events::Rule",
                "Properties": {
                    "EventPattern": {"source": ["aws.ecs"]},
                    "Targets": [{"Id": "queue", "Arn": arn}],
                },
            },
        },
        "Outputs": {"Queue": {"Value": {"Ref": "Queue"}}},
    }
    yield Heard(aws, stacks.deploy("heard-of-ecs", template)["Queue"])
    stacks.delete("heard-of-ecs")


def test_a_task_is_told_of_in_each_state_with_the_deployment_that_started_it(
    aws: LocalAws, service: Service, image: str, heard: Heard
) -> None:
    service.deploy(image, parameters={"Count": "1"})
    (task,) = service.tasks()
    aws.client("ecs").stop_task(cluster="tests", task=task["taskArn"], reason="stopped by a user")
    stopped = eventually(lambda: _last(heard, task["taskArn"], "STOPPED"))["detail"]
    states = [it["detail"]["lastStatus"] for it in heard.of(TASKS, task["taskArn"])]
    assert states == [
        *("PENDING", "ACTIVATING", "RUNNING", "DEACTIVATING", "STOPPING", "DEPROVISIONING"),
        "STOPPED",
    ]
    deployment = described(aws, service)["deployments"][0]["id"]
    assert deployment.startswith("ecs-svc/")
    assert stopped["startedBy"] == task["startedBy"] == deployment
    assert stopped["group"] == f"service:{service.name}"
    assert (stopped["stopCode"], stopped["stoppedReason"]) == ("UserInitiated", "stopped by a user")
    assert stopped["stoppedAt"].endswith("Z")
    assert not {"healthStatus", "tags"} & stopped.keys()


def test_a_deployment_is_told_of_from_its_begin_to_its_end(
    service: Service, image: str, heard: Heard
) -> None:
    service.deploy(image, parameters={"Count": "1"})
    eventually(lambda: heard.names(service.name) == ["IN_PROGRESS", "COMPLETED"])


def test_a_container_that_ends_is_told_of_with_its_exit_code_and_its_deployment_as_failed(
    service: Service, image: str, heard: Heard
) -> None:
    service.deploy(image, parameters={"Count": "1"})
    with pytest.raises(AssertionError, match="Circuit Breaker"):
        service.deploy(image, parameters={"Count": "1"}, **CRASH)
    names = eventually(lambda: "FAILED" in heard.names(service.name) and heard.names(service.name))
    assert names[:4] == ["IN_PROGRESS", "COMPLETED", "IN_PROGRESS", "FAILED"]
    (failed,) = [
        it["detail"]
        for it in heard.of(DEPLOYMENTS, f"service/tests/{service.name}")
        if it["detail"]["eventName"] == "SERVICE_DEPLOYMENT_FAILED"
    ]
    assert failed["eventType"] == "ERROR"
    assert failed["reason"] == "ECS deployment circuit breaker: tasks failed to start."
    crashed = [
        it["detail"]
        for it in heard.of(TASKS, f"service:{service.name}")
        if it["detail"].get("stopCode") == "EssentialContainerExited"
    ]
    assert len(crashed) >= 3  # the circuit breaker's least
    assert {it["startedBy"] for it in crashed} == {failed["deploymentId"]}
    assert {it["containers"][0]["exitCode"] for it in crashed} == {3}


def _last(heard: Heard, task: str, status: str) -> dict[str, Any] | None:
    found = [it for it in heard.of(TASKS, task) if it["detail"]["lastStatus"] == status]
    return found[-1] if found else None
