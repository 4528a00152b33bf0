"""What becomes of an event that a rule's target doesn't take.

Wrong upstream: queues and functions take events whatever their policies say; what can't be
delivered is dropped although the target has a dead-letter queue.
Source: EventBridge user guide, "Using dead-letter queues to process undelivered events" and
"Using resource-based policies for Amazon EventBridge".
Last needed: ministack 1.5.33.
"""

from __future__ import annotations

import json
import logging
from typing import Any

from ministack.core.arn import ArnParseError, parse_arn
from ministack.services import eventbridge, lambda_svc, sqs

from local_aws.mending import Mending

_PRINCIPAL = "events.amazonaws.com"
_NO_PERMISSIONS, _NOT_FOUND = "NO_PERMISSIONS", "RESOURCE_NOT_FOUND"
_log = logging.getLogger("local_aws.events")

Target = dict[str, Any]
Rule = dict[str, Any]


def install(mending: Mending) -> None:
    """Install the mends of this room."""
    mending.around(eventbridge, "_invoke_target", _invoke_target)
    # Wrong upstream: a function that fails is not tried again.
    mending.put(eventbridge, "_dispatch_to_lambda", _invoke_in_background)


def _invoke_target(
    upstream: Any, target: Target, event: dict[str, Any], rule: Rule, view: Any = None
) -> None:
    problem = _problem(target.get("Arn", ""), rule)
    if problem is None:
        upstream(target, event, rule, view)
    else:
        _bury(target, event, rule, problem)


def _invoke_in_background(arn: str, payload: str) -> None:
    function, configuration, _ = lambda_svc._get_func_record_for_ref(arn)
    if function is not None:
        record = lambda_svc._execution_record_for_config(function, configuration)
        lambda_svc.invoke_async_with_retry(record, json.loads(payload))


def _problem(arn: str, rule: Rule) -> str | None:
    """Return the error code with which a target refuses a rule's events, or None."""
    try:
        service = parse_arn(arn).service
    except ArnParseError:
        return _NOT_FOUND
    if service == "sqs":
        queue = sqs._queue_by_arn(arn)
        policy = json.loads(queue["attributes"].get("Policy") or "{}") if queue else None
    elif service == "lambda":
        function = lambda_svc._get_func_record_for_ref(arn)[0]
        policy = function["policy"] if function else None
    else:
        return None
    if policy is None:
        return _NOT_FOUND
    statements = policy.get("Statement", [])
    return None if any(_allows(it, rule) for it in statements) else _NO_PERMISSIONS


def _allows(statement: dict[str, Any], rule: Rule) -> bool:
    if statement["Effect"] != "Allow" or _PRINCIPAL not in json.dumps(statement["Principal"]):
        return False
    sources = [
        arns if isinstance(arns, list) else [arns]
        for operands in (statement.get("Condition") or {}).values()
        for key, arns in operands.items()
        if key.lower() == "aws:sourcearn"
    ]
    return all(rule["Arn"] in arns for arns in sources)


def _bury(target: Target, event: dict[str, Any], rule: Rule, problem: str) -> None:
    dead_letters = (target.get("DeadLetterConfig") or {}).get("Arn", "")
    _log.error("the rule %s can't deliver to %s: %s", rule["Name"], target.get("Arn"), problem)
    if not dead_letters or _problem(dead_letters, rule):
        return
    payload = eventbridge._pattern_event_view(event).event_with_detail()
    eventbridge._dispatch_to_sqs(parse_arn(dead_letters), json.dumps(payload))
    message = sqs._queue_by_arn(dead_letters)["messages"][-1]
    attributes = {"RULE_ARN": rule["Arn"], "TARGET_ARN": target["Arn"], "ERROR_CODE": problem}
    message["message_attributes"] = {
        name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()
    }
