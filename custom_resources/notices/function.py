"""Lambda function that rules for events of ECS call."""

from __future__ import annotations

import datetime
import os
from dataclasses import dataclass
from typing import Any

from custom_resources.notices.decisions import notice
from custom_resources.notices.told import Told
from custom_resources.shared import aws, log
from custom_resources.shared.ping import answers_ping
from custom_resources.shared.request import Context
from custom_resources.shared.sentences import place, sentence

_TOLD, _TOLD_BEFORE, _IGNORED, _FAILED = "told", "told-before", "ignored", "failed"


class NotToldError(Exception):
    """Makes Lambda call the function again, and its alarm ring; its text is in the log too."""


@dataclass(frozen=True)
class Clients:
    """boto3 clients."""

    dynamodb: Any
    sns: Any


@answers_ping
def handler(event: dict[str, Any], _: Context) -> dict[str, str]:
    """Tell the alarm topic of a failed deployment, or of a task that stopped by itself.

    Args:
        event: of EventBridge, from ECS.
    Returns:
        Under `outcome`: told, told-before (of this deployment, in the same way) or ignored.
    Raises:
        NotToldError: it can't be told; the same event may be tried again.
    """
    log.begin()
    return run(event, Clients(aws.client("dynamodb"), aws.client("sns")), os.environ)


def run(event: dict[str, Any], clients: Clients, settings: Any) -> dict[str, str]:
    """As `handler`, with the given clients.

    Args:
        event: of EventBridge, from ECS.
        clients: for AWS.
        settings: TABLE_NAME and TOPIC_ARN by name.
    """
    log.forget_secrets()
    told = {"event": event.get("id"), "kind": event.get("detail-type")}
    try:
        outcome, once = _tell(event, clients, settings)
    except Exception as error:
        reason = sentence(error)
        log.error("notice", outcome=_FAILED, reason=reason, at=place(error), **told)
        raise NotToldError(reason) from None
    log.info("notice", outcome=outcome, once=once, **told)
    return {"outcome": outcome}


def _tell(event: dict[str, Any], clients: Clients, settings: Any) -> tuple[str, str]:
    """Tell, and return what came of it and what was told of."""
    found = notice(event)
    if found is None:
        return _IGNORED, ""
    told = Told(clients.dynamodb, settings["TABLE_NAME"])
    if not told.claim(found, datetime.datetime.now(datetime.UTC)):
        return _TOLD_BEFORE, found.once
    clients.sns.publish(TopicArn=settings["TOPIC_ARN"], Subject=found.subject, Message=found.text)
    told.settle(found)
    return _TOLD, found.once
