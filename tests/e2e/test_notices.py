"""A mail of the alarm topic about a service, and the command in it."""

from __future__ import annotations

import json
import shlex
import time
from typing import Any

import pytest

from tests.e2e.platform import Platform

PATIENCE = 30  # seconds


@pytest.fixture
def mailbox(platform: Platform) -> str:
    """A queue that gets what the alarm topic's subscribers get."""
    sqs, topic = platform.aws.client("sqs"), platform.outputs("shop-support")["AlarmTopicArn"]
    queue: str = sqs.create_queue(QueueName="mailbox")["QueueUrl"]
    asked = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])
    arn = asked["Attributes"]["QueueArn"]
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": arn,
        "Condition": {"ArnEquals": {"aws:SourceArn": topic}},
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": policy})
    platform.aws.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    return queue


def mails(platform: Platform, queue: str, service: str, count: int) -> list[str]:
    """The texts about a service, once there are so many."""
    sqs, found = platform.aws.client("sqs"), list[str]()
    until = time.monotonic() + PATIENCE
    while len(found) < count and time.monotonic() < until:
        taken: dict[str, Any] = sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=1)
        texts = [json.loads(it["Body"])["Message"] for it in taken.get("Messages", [])]
        found += [it for it in texts if f"service {service} of shop" in it]
    assert len(found) == count, found
    return found


def test_what_a_notice_tells_to_type_shows_what_the_task_wrote(
    platform: Platform, mailbox: str, hello_image: str, crash_image: str
) -> None:
    service = platform.service("noticed", hello_image, service_database=False)
    platform.play("playbooks/service.yml", **service)
    platform.play_in_vain("playbooks/service.yml", **service | {"service_image": crash_image})
    for text in mails(platform, mailbox, "noticed", 2):
        (command,) = [it for it in text.split("\n") if it.startswith("ansible-playbook ")]
        _, playbook, *options = shlex.split(command)
        variables = dict(it.split("=", 1) for it in options if it != "-e")
        assert "crash: this image always fails" in platform.play(playbook, **variables)
    platform.play("playbooks/service.yml", **service, service_state="absent")
