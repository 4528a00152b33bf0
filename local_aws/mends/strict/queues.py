"""Names of deleted queues.

Wrong upstream: the name is free at once.
Source: Amazon SQS API reference, CreateQueue (QueueDeletedRecently: "You must wait 60 seconds after
deleting a queue before you can create another with the same name"). Whether CloudFormation waits by
itself isn't documented; here it doesn't. 60 s in strict mode only: who tears a platform down to try
something else shouldn't have to wait on his own machine. `LocalAws.idle` moves its clock, too.
Last needed: ministack 1.5.33.
"""

from __future__ import annotations

import time
from typing import Any

from ministack.services import sqs

from local_aws import clock
from local_aws.mending import Layer, Mending

_HELD = 60  # seconds
_CODE = "QueueDeletedRecently"
_MESSAGE = (
    "You must wait 60 seconds after deleting a queue before you can create another with the same "
    "name."
)

_deleted: dict[str, float] = {}  # by name: when


def install(mending: Mending) -> None:
    """Keep names from being used again too soon."""
    if not mending.settings.strict:
        return
    mending.around(sqs, "_HANDLERS", _create_by_api, key="CreateQueue", layer=Layer.STATE)
    mending.around(sqs, "_HANDLERS", _delete_by_api, key="DeleteQueue", layer=Layer.STATE)
    mending.handler("AWS::SQS::Queue", "create", _create, Layer.STATE)
    mending.handler("AWS::SQS::Queue", "delete", _delete, Layer.STATE)


def _create_by_api(upstream: Any, data: dict[str, Any], *rest: Any) -> Any:
    if _is_held(data.get("QueueName", "")):
        raise sqs._Err(_CODE, _MESSAGE)
    return upstream(data, *rest)


def _delete_by_api(upstream: Any, data: dict[str, Any], url: str) -> Any:
    answer = upstream(data, url)
    _deleted[_name(data.get("QueueUrl", url))] = time.time()
    return answer


def _create(upstream: Any, logical_id: str, properties: dict[str, Any], *rest: Any) -> Any:
    if _is_held(properties.get("QueueName", "")):
        raise ValueError(f"{_MESSAGE} (Service: Sqs, Status Code: 400, Error Code: {_CODE})")
    return upstream(logical_id, properties, *rest)


def _delete(upstream: Any, url: str, properties: dict[str, Any]) -> Any:
    if url in sqs._queues:
        _deleted[_name(url)] = time.time()
    return upstream(url, properties)


def _name(url: str) -> str:
    return url.rsplit("/", 1)[-1]


def _is_held(name: str) -> bool:
    return name in _deleted and clock.since(_deleted[name]) < _HELD
