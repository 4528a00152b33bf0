"""Lambda function that Secrets Manager calls to rotate a service's database user."""

from __future__ import annotations

import datetime
import os
import time
from dataclasses import dataclass
from typing import Any

from custom_resources.contract.cluster import Memory
from custom_resources.contract.names import ServiceUser
from custom_resources.contract.outcomes import FAILED, REFUSED
from custom_resources.contract.usage import SETTLING_SECONDS
from custom_resources.rotation import is_paused, metrics
from custom_resources.rotation.rotate.guard import Guard, Refusal
from custom_resources.rotation.rotate.steps import Rotation
from custom_resources.rotation.rotate.user import Versions
from custom_resources.shared import aws, log
from custom_resources.shared.failure import Failure
from custom_resources.shared.ping import answers_ping
from custom_resources.shared.request import Context
from custom_resources.shared.sentences import place, sentence

# The guard's reads of a large cluster are throttled: ECS gives such a call some twenty times a
# second, to all functions of the account together.
_ECS_ATTEMPTS = 10
_MEMORY = Memory()  # outlives an invocation
# A connection that is opened last may take half a minute, and what is done with it some seconds.
_RESERVED_SECONDS = 45.0


class NotRotatedError(Exception):
    """Tells Secrets Manager that the step failed; its text is in the function's log too."""


@dataclass(frozen=True)
class Clients:
    """boto3 clients."""

    secretsmanager: Any
    cloudformation: Any
    ecs: Any


@answers_ping
def handler(event: dict[str, str], context: Context) -> None:
    """Do one step of a rotation.

    Args:
        event: Step, SecretId and ClientRequestToken, as Secrets Manager sends them.
    Raises:
        NotRotatedError: the step was refused or failed, in a sentence without any secret.
    """
    log.begin()
    ecs = aws.client("ecs", _ECS_ATTEMPTS)
    clients = Clients(aws.client("secretsmanager"), aws.client("cloudformation"), ecs)
    seconds = context.get_remaining_time_in_millis() / 1000 - _RESERVED_SECONDS
    run(event, clients, time.monotonic() + seconds)


def run(event: dict[str, str], clients: Clients, until: float) -> str:
    """Do one step of a rotation with the given clients, and until then; log and return its
    outcome."""
    log.forget_secrets()
    step, secret_id, version = event["Step"], event["SecretId"], event["ClientRequestToken"]
    told = {"step": step, "secret": secret_id, "version": version}
    try:
        outcome = _rotation(secret_id, version, clients, until).run(step)
    except Exception as error:
        refused = error if isinstance(error, Refusal) else None
        outcome = REFUSED if refused else FAILED
        metrics.count_rotation(outcome, refused.reason if refused else None)
        reason = sentence(error)
        log.error("rotation", outcome=outcome, reason=reason, at=place(error), **told)
        raise NotRotatedError(reason) from None
    metrics.count_rotation(outcome)
    log.info("rotation", outcome=outcome, **told)
    return outcome


def _rotation(secret_id: str, version: str, clients: Clients, until: float) -> Rotation:
    name = clients.secretsmanager.describe_secret(SecretId=secret_id)["Name"]
    user = ServiceUser.of(name)
    if user is None:
        raise Failure(
            f"The secret {name} is none of a service's database user.",
            "Only secrets called PLATFORM/SERVICE/db/blue or .../green are rotated here.",
        )
    seconds = float(os.environ.get("SETTLING_SECONDS") or SETTLING_SECONDS)
    guard = Guard(
        user=user,
        cloudformation=clients.cloudformation,
        ecs=clients.ecs,
        settling=datetime.timedelta(seconds=seconds),
        paused=is_paused(),
        memory=_MEMORY,
    )
    return Rotation(Versions(clients.secretsmanager, secret_id, name), version, guard, until)
