"""Queues that Lambda refuses as a source of events.

Wrong upstream: a queue's visibility timeout may be shorter than its function's timeout; a message
then comes again while the function still has it.
Source: Lambda developer guide, "Creating and configuring an Amazon SQS event source mapping"; AWS's
answers in public threads, by API (winglang/wing issue 1507) and by template
(mongodb/docs-worker-pool pull request 878). Whether it is refused later, when the queue's time or
the function's changes, isn't documented; here it isn't.
Last needed: ministack 1.5.33.
"""

from __future__ import annotations

from typing import Any

from ministack.core.responses import error_response_json
from ministack.services import lambda_svc, sqs

from local_aws.mending import Layer, Mending

Properties = dict[str, Any]


def install(mending: Mending) -> None:
    """Refuse them, by API and by template."""
    mending.around(lambda_svc, "_create_esm", _create_by_api, layer=Layer.STATE)
    mending.handler("AWS::Lambda::EventSourceMapping", "create", _create, Layer.STATE)


def _create_by_api(upstream: Any, data: Properties) -> Any:
    refusal = _refusal(data)
    if refusal:
        return error_response_json("InvalidParameterValueException", refusal, 400)
    return upstream(data)


def _create(upstream: Any, logical_id: str, properties: Properties, *rest: Any) -> Any:
    refusal = _refusal(properties)
    if refusal:
        raise ValueError(
            f'Resource handler returned message: "Invalid request provided: {refusal} (Service: '
            'Lambda, Status Code: 400)" (HandlerErrorCode: InvalidRequest)'
        )
    return upstream(logical_id, properties, *rest)


def _refusal(mapping: Properties) -> str:
    queue = sqs._queue_by_arn(str(mapping.get("EventSourceArn", "")))
    record, configuration, _ = lambda_svc._get_func_record_for_ref(mapping.get("FunctionName", ""))
    if queue is None or record is None:
        return ""
    visible = int(queue["attributes"].get("VisibilityTimeout", 30))
    timeout = int((configuration or record["config"]).get("Timeout", 3))
    if visible >= timeout:
        return ""
    return (
        f"Queue visibility timeout: {visible} seconds is less than Function timeout: "
        f"{timeout} seconds"
    )
