"""Names of deleted queues.

Wrong upstream: the name is free at once.
Source: Amazon SQS API reference, CreateQueue (QueueDeletedRecently: "You must wait 60 seconds after
deleting a queue before you can create another with the same name"). Whether CloudFormation waits by
itself isn't documented; here it doesn't. 60 s in strict mode only: who tears a platform down to try
something else shouldn't have to wait on his own machine. `LocalAws.idle` moves its clock, too.
"""

from __future__ import annotations

import time
from typing import Any

from ministack.services import sqs
from ministack.services.cloudformation import provisioners

from local_aws.mends import clock
from local_aws.settings import Settings

_HELD = 60  # seconds
_CODE = "QueueDeletedRecently"
_MESSAGE = (
    "You must wait 60 seconds after deleting a queue before you can create another with the same "
    "name."
)

_deleted: dict[str, float] = {}  # by name: when


def install(settings: Settings) -> None:
    """Keep names from being used again too soon."""
    if not settings.strict:
        return
    create, delete = sqs._HANDLERS["CreateQueue"], sqs._HANDLERS["DeleteQueue"]

    def create_queue(data: dict[str, Any], *rest: Any) -> Any:
        if _is_held(data.get("QueueName", "")):
            raise sqs._Err(_CODE, _MESSAGE)
        return create(data, *rest)

    def delete_queue(data: dict[str, Any], url: str) -> Any:
        answer = delete(data, url)
        _deleted[_name(data.get("QueueUrl", url))] = time.time()
        return answer

    sqs._HANDLERS.update(CreateQueue=create_queue, DeleteQueue=delete_queue)
    _templates()


def _templates() -> None:
    handler = provisioners._RESOURCE_HANDLERS["AWS::SQS::Queue"]
    create, delete = handler["create"], handler["delete"]

    def create_queue(logical_id: str, properties: dict[str, Any], *rest: Any) -> Any:
        if _is_held(properties.get("QueueName", "")):
            raise ValueError(f"{_MESSAGE} (Service: Sqs, Status Code: 400, Error Code: {_CODE})")
        return create(logical_id, properties, *rest)

    def delete_queue(url: str, properties: dict[str, Any]) -> Any:
        if url in sqs._queues:
            _deleted[_name(url)] = time.time()
        return delete(url, properties)

    handler.update(create=create_queue, delete=delete_queue)


def _name(url: str) -> str:
    return url.rsplit("/", 1)[-1]


def _is_held(name: str) -> bool:
    return name in _deleted and clock.since(_deleted[name]) < _HELD
