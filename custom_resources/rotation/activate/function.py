"""Lambda function that the queue of rotated secrets calls, and a daily rule."""

from __future__ import annotations

import datetime
import json
import math
import os
import time
from typing import Any

from custom_resources.contract.labels import CURRENT, ROTATED
from custom_resources.contract.outcomes import FAILED, REFUSED, ROLLED_BACK, Move
from custom_resources.rotation import is_paused, metrics
from custom_resources.rotation.activate.activation import Activation
from custom_resources.rotation.activate.decisions import Decision, FlipRolledBack
from custom_resources.rotation.activate.secret import Clients
from custom_resources.rotation.activate.sweep import Sweep
from custom_resources.shared import aws, log
from custom_resources.shared.failure import Failure
from custom_resources.shared.ping import answers_ping
from custom_resources.shared.request import Context
from custom_resources.shared.sentences import place, sentence

_UNFINISHED = (Move.BEGIN, Move.WAIT)
_RESERVED_SECONDS = 25.0  # of the function's time, for what a sweep is at when the rest is over


class NotActivatedError(Exception):
    """Sends the message back to the queue, and in the end to the dead-letter queue; its text is in
    the function's log too."""


@answers_ping
def handler(event: dict[str, Any], context: Context) -> dict[str, Any]:
    """Take messages about rotated secrets, or sweep.

    Args:
        event: Records of the queue, or {"sweep": true}.
    Returns:
        For the queue: which messages are not done yet. For the sweep: how often each outcome came.
    Raises:
        NotActivatedError: a service can't be moved to its rotated user, or couldn't be looked at.
            A sweep has looked at all the others by then.
    """
    log.begin()
    clients = Clients(aws.client("secretsmanager"), aws.client("cloudformation"))
    seconds = context.get_remaining_time_in_millis() / 1000 - _RESERVED_SECONDS
    now = datetime.datetime.now(datetime.UTC)
    return run(event, clients, now, time.monotonic() + seconds)


def run(
    event: dict[str, Any], clients: Clients, now: datetime.datetime, until: float = math.inf
) -> dict[str, Any]:
    """As `handler`, with the given clients and time, and sweeping until then."""
    log.forget_secrets()
    activation = Activation(clients, now, paused=is_paused())
    if event.get("sweep"):
        each_age = os.environ.get("PASSWORD_AGE_PER_SERVICE") == "true"
        return _sweep(Sweep(os.environ["PLATFORM"], activation, until, each_age=each_age))
    unfinished = [
        {"itemIdentifier": record["messageId"]}
        for record in event["Records"]
        if not _is_done(record, activation)
    ]
    return {"batchItemFailures": unfinished}


def _sweep(sweep: Sweep) -> dict[str, int]:
    outcomes = sweep.run()
    unheard = sweep.unheard(outcomes)
    if unheard:
        told = ", ".join(f"{outcome}: {times}" for outcome, times in sorted(unheard.items()))
        raise NotActivatedError(
            f"The sweep could not do its work for some services ({told}). See its log, which names "
            "them and says why; another sweep follows within a day."
        )
    return outcomes


def _is_done(record: dict[str, Any], activation: Activation) -> bool:
    """Handle one message; whether the queue may forget it."""
    told = {"message_id": record["messageId"]}
    try:
        label, secret, version, time = _read(record["body"])
        told |= {"secret": secret, "version": version}
        if label == ROTATED:
            decision = activation.activate(secret, version, time)
        elif label == CURRENT:
            decision = activation.label(secret, version)
        else:
            decision = Decision(Move.IGNORE, f"label {label}")
    except Exception as error:
        reason, outcome = sentence(error), _outcome(error)
        metrics.count_flip(outcome)
        log.error("activation", outcome=outcome, reason=reason, at=place(error), **told)
        raise NotActivatedError(reason) from None
    metrics.count_flip(decision.move.value)
    log.info("activation", outcome=decision.move.value, reason=decision.reason, **told)
    return decision.move not in _UNFINISHED


def _read(body: str) -> tuple[str, str, str, datetime.datetime]:
    """Label, secret, version and time of an event "Secret Label Updated"."""
    try:
        event = json.loads(body)
        detail = event["detail"]
        time = datetime.datetime.fromisoformat(event["time"])
        return detail["labelUpdated"], detail["name"], detail["versionId"], time
    except (ValueError, TypeError, KeyError):
        raise Failure(
            "The message is no event Secret Label Updated of Secrets Manager.",
            "See who else writes to this queue, and delete the message.",
        ) from None


def _outcome(error: Exception) -> str:
    if isinstance(error, FlipRolledBack):
        return ROLLED_BACK
    return REFUSED if isinstance(error, Failure) else FAILED
