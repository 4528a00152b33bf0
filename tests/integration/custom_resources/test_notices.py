"""The notices function against DynamoDB and SNS: told once, and never lost."""

from __future__ import annotations

import json
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from custom_resources.notices.function import Clients, NotToldError, run
from local_aws.control import LocalAws
from tests.integration.custom_resources.support import (
    InterruptedClient,
    Interruption,
    Killed,
    interruptions,
)
from tests.unit.custom_resources.test_notices import ACCOUNT, CANARY, deployment, stopped

CONCURRENT = 12


class Topic:
    """A topic with one subscriber, and the table of what was told."""

    def __init__(self, aws: LocalAws) -> None:
        self.clients = Clients(aws.client("dynamodb"), aws.client("sns"))
        self._sqs = aws.client("sqs")
        name = f"notices-{uuid.uuid4().hex[:8]}"
        self.clients.dynamodb.create_table(
            TableName=name,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "Notice", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "Notice", "KeyType": "HASH"}],
        )
        self.arn = self.clients.sns.create_topic(Name=name)["TopicArn"]
        self.settings = {"TABLE_NAME": name, "TOPIC_ARN": self.arn}
        self._queue = self._sqs.create_queue(QueueName=name)["QueueUrl"]
        asked = self._sqs.get_queue_attributes(QueueUrl=self._queue, AttributeNames=["QueueArn"])
        statement = {
            "Effect": "Allow",
            "Principal": {"Service": "sns.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": asked["Attributes"]["QueueArn"],
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        self._sqs.set_queue_attributes(QueueUrl=self._queue, Attributes={"Policy": policy})
        self.clients.sns.subscribe(
            TopicArn=self.arn, Protocol="sqs", Endpoint=asked["Attributes"]["QueueArn"]
        )

    def tell(self, event: dict[str, Any], clients: Clients | None = None, **settings: str) -> str:
        """Let the function have an event; return what it did."""
        return run(event, clients or self.clients, self.settings | settings)["outcome"]

    def mails(self) -> list[str]:
        """Take what the subscriber got."""
        found = list[str]()
        while taken := self._sqs.receive_message(QueueUrl=self._queue, MaxNumberOfMessages=10).get(
            "Messages"
        ):
            for it in taken:
                body = json.loads(it["Body"])
                found.append(f"{body['Subject']}\n{body['Message']}")
                self._sqs.delete_message(QueueUrl=self._queue, ReceiptHandle=it["ReceiptHandle"])
        return found


@pytest.fixture
def topic(aws: LocalAws) -> Topic:
    return Topic(aws)


def of_task(number: int, **changed: Any) -> dict[str, Any]:
    return stopped(taskArn=f"{ACCOUNT}:task/shop/{number}", **changed)


def test_of_many_tasks_that_stop_at_once_one_is_told(topic: Topic) -> None:
    with ThreadPoolExecutor(CONCURRENT) as pool:
        outcomes = list(pool.map(lambda at: topic.tell(of_task(at)), range(CONCURRENT)))
    assert sorted(outcomes) == ["told", *["told-before"] * (CONCURRENT - 1)]
    (mail,) = topic.mails()
    assert CANARY not in mail


def test_another_code_another_deployment_and_its_failure_are_told_each(topic: Topic) -> None:
    events = [
        of_task(1),
        of_task(2, stopCode="TaskFailedToStart"),
        of_task(3, startedBy="ecs-svc/456"),
        deployment(),
    ]
    assert [topic.tell(it) for it in events] == ["told"] * 4
    assert [topic.tell(it) for it in events] == ["told-before"] * 4
    assert len(topic.mails()) == 4


def test_what_could_not_be_sent_is_told_when_the_same_event_comes_again(topic: Topic) -> None:
    gone = f"{topic.arn}-gone"
    with pytest.raises(NotToldError, match="Publish failed with NotFound"):
        topic.tell(of_task(1), TOPIC_ARN=gone)
    assert topic.tell(of_task(2)) == "told-before"  # the first one's event comes again
    assert topic.tell(of_task(1)) == "told"
    assert len(topic.mails()) == 1


def test_a_function_that_is_ended_anywhere_loses_nothing(aws: LocalAws) -> None:
    """Ended between sending and noting it, it sends twice."""
    sent: list[int] = []
    for interruption in interruptions():
        topic = Topic(aws)
        if not _told_in_spite_of(topic, interruption):
            break
        sent.append(len(topic.mails()))
    assert sent == [1, 1, 1, 2, 2, 1]


def _told_in_spite_of(topic: Topic, interruption: Interruption) -> bool:
    """Tell with an interruption, and again; False if it never came."""
    dynamodb, sns = (
        InterruptedClient(it, interruption) for it in (topic.clients.dynamodb, topic.clients.sns)
    )
    try:
        topic.tell(of_task(1), Clients(dynamodb, sns))
    except Killed:
        topic.tell(of_task(1))
    return interruption.happened


def test_what_was_told_long_ago_is_told_again(topic: Topic) -> None:
    assert topic.tell(of_task(1)) == "told"
    topic.clients.dynamodb.update_item(
        TableName=topic.settings["TABLE_NAME"],
        Key={"Notice": {"S": "ecs-svc/123 EssentialContainerExited"}},
        UpdateExpression="SET Expires = :past",
        ExpressionAttributeValues={":past": {"N": "1"}},
    )
    assert topic.tell(of_task(2)) == "told"
    assert len(topic.mails()) == 2


def test_an_event_of_something_else_is_refused_with_a_sentence(topic: Topic) -> None:
    with pytest.raises(NotToldError, match="none that ECS is documented to send"):
        topic.tell({"detail-type": "ECS Task State Change", "detail": {}})
    assert topic.mails() == []
