"""The queue of events about rotated secrets, and what can happen to an event on its way."""

from __future__ import annotations

import json

from tests.e2e.platform import Platform

COPIES = "copies-of-activations"


class Queue:
    """The platform's queue of activations, whose function can be kept from it."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._functions, self._sqs = platform.aws.client("lambda"), platform.aws.client("sqs")
        self._events = platform.aws.client("events")
        listed = self._functions.list_event_source_mappings(FunctionName="shop-activate")
        self._mapping = listed["EventSourceMappings"][0]["UUID"]

    def hold(self) -> None:
        """Let messages wait."""
        self._functions.update_event_source_mapping(UUID=self._mapping, Enabled=False)

    def release(self) -> None:
        """Let the function take them."""
        self._functions.update_event_source_mapping(UUID=self._mapping, Enabled=True)

    def is_empty(self) -> bool:
        """Whether every message was handled."""
        attributes = self._sqs.get_queue_attributes(
            QueueUrl=self._url,
            AttributeNames=[
                "ApproximateNumberOfMessages",
                "ApproximateNumberOfMessagesNotVisible",
            ],
        )["Attributes"]
        return set(attributes.values()) == {"0"}

    def deliver(self, body: str) -> None:
        """Deliver an event."""
        self._sqs.send_message(QueueUrl=self._url, MessageBody=body)

    def lose(self) -> None:
        """Let events come to nobody."""
        self._events.disable_rule(Name="shop-activations")

    def lose_no_more(self) -> None:
        """Let them come again."""
        self._events.enable_rule(Name="shop-activations")

    def sweep(self) -> None:
        """Do now what is done daily for events that were lost."""
        answer = self._functions.invoke(FunctionName="shop-activate", Payload=b'{"sweep": true}')
        assert "FunctionError" not in answer

    def copy(self) -> str:
        """Copy every event into another queue; return its URL."""
        url = str(self._sqs.create_queue(QueueName=COPIES)["QueueUrl"])
        arn = f"arn:aws:sqs:{self._platform.aws.region}:{self._platform.aws.account}:{COPIES}"
        allowed = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}}
        policy = {"Statement": [allowed | {"Action": "sqs:SendMessage", "Resource": arn}]}
        self._sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps(policy)})
        target = {"Id": "copy", "Arn": arn}
        self._events.put_targets(Rule="shop-activations", Targets=[target])
        return url

    def copied(self, url: str, version: str) -> str:
        """Return the event about a version's ROTATED that was copied; others come too."""
        while True:
            answer = self._sqs.receive_message(QueueUrl=url, WaitTimeSeconds=10)
            (message,) = answer["Messages"]
            body = str(message["Body"])
            detail = json.loads(body)["detail"]
            if (detail["labelUpdated"], detail["versionId"]) == ("ROTATED", version):
                return body

    def copy_no_more(self, url: str) -> None:
        """Undo `copy`."""
        self._events.remove_targets(Rule="shop-activations", Ids=["copy"])
        self._sqs.delete_queue(QueueUrl=url)

    @property
    def _url(self) -> str:
        return self._platform.outputs("shop-rotation")["ActivationQueueUrl"]
