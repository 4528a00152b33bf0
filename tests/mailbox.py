"""What a subscriber of a topic gets."""

from __future__ import annotations

import json
from typing import Any

from local_aws.control import LocalAws


class Mailbox:
    """A queue that hears a topic, as AWS asks for it: by a policy of the queue's own.

    Args:
        aws: where.
        topic: its ARN.
        name: of the queue.
    """

    def __init__(self, aws: LocalAws, topic: str, name: str) -> None:
        self._sqs, self._sns = aws.client("sqs"), aws.client("sns")
        self._queue = self._sqs.create_queue(QueueName=name)["QueueUrl"]
        asked = self._sqs.get_queue_attributes(QueueUrl=self._queue, AttributeNames=["QueueArn"])
        arn = asked["Attributes"]["QueueArn"]
        statement = {
            "Effect": "Allow",
            "Principal": {"Service": "sns.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": arn,
            "Condition": {"ArnEquals": {"aws:SourceArn": topic}},
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        self._sqs.set_queue_attributes(QueueUrl=self._queue, Attributes={"Policy": policy})
        self._subscription = self._sns.subscribe(
            TopicArn=topic, Protocol="sqs", Endpoint=arn, ReturnSubscriptionArn=True
        )["SubscriptionArn"]

    def take(self) -> list[dict[str, Any]]:
        """Return what came since the last time, each once: with Subject, if any, and Message."""
        found = []
        asked = {"QueueUrl": self._queue, "MaxNumberOfMessages": 10}
        while taken := self._sqs.receive_message(**asked).get("Messages"):
            for message in taken:
                found.append(json.loads(message["Body"]))
                handle = message["ReceiptHandle"]
                self._sqs.delete_message(QueueUrl=self._queue, ReceiptHandle=handle)
        return found

    def close(self) -> None:
        """Hear no more."""
        self._sns.unsubscribe(SubscriptionArn=self._subscription)
        self._sqs.delete_queue(QueueUrl=self._queue)
