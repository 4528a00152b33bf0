"""Lambda function that Secrets Manager calls to rotate a service's database user."""

from __future__ import annotations

import datetime
import os
from dataclasses import dataclass
from typing import Any

from custom_resources.rotation.rotate.cluster import Memory
from custom_resources.rotation.rotate.decisions import Refusal
from custom_resources.rotation.rotate.guard import Guard
from custom_resources.rotation.rotate.rotation import Rotation
from custom_resources.rotation.rotate.versions import Versions
from custom_resources.rotation.users import ServiceUser, is_paused
from custom_resources.shared import aws, log
from custom_resources.shared.ping import answers_ping
from custom_resources.shared.sentences import place, sentence

_SETTLING_SECONDS = "300"
# The guard's reads of a large cluster are throttled: ECS gives such a call some twenty times a
# second, to all functions of the account together.
_ECS_ATTEMPTS = 10
_MEMORY = Memory()  # outlives an invocation


class NotRotatedError(Exception):
    """Tells Secrets Manager that the step failed; its text is in the function's log too."""


@dataclass(frozen=True)
class Clients:
    """boto3 clients."""

    secretsmanager: Any
    cloudformation: Any
    ecs: Any


@answers_ping
def handler(event: dict[str, str], _context: object) -> None:
    """Do one step of a rotation.

    Args:
        event: Step, SecretId and ClientRequestToken, as Secrets Manager sends them.
    Raises:
        NotRotatedError: the step was refused or failed, in a sentence without any secret.
    """
    log.begin()
    ecs = aws.client("ecs", _ECS_ATTEMPTS)
    run(event, Clients(aws.client("secretsmanager"), aws.client("cloudformation"), ecs))


def run(event: dict[str, str], clients: Clients) -> str:
    """Do one step of a rotation with the given clients; log and return its outcome."""
    log.forget_secrets()
    step, secret_id, version = event["Step"], event["SecretId"], event["ClientRequestToken"]
    told = {"step": step, "secret": secret_id, "version": version}
    try:
        outcome = _rotation(secret_id, version, clients).run(step)
    except Exception as error:
        outcome = "refused" if isinstance(error, Refusal) else "failed"
        reason = sentence(error)
        log.error("rotation", outcome=outcome, reason=reason, at=place(error), **told)
        raise NotRotatedError(reason) from None
    log.info("rotation", outcome=outcome, **told)
    return outcome


def _rotation(secret_id: str, version: str, clients: Clients) -> Rotation:
    name = clients.secretsmanager.describe_secret(SecretId=secret_id)["Name"]
    seconds = float(os.environ.get("SETTLING_SECONDS") or _SETTLING_SECONDS)
    guard = Guard(
        user=ServiceUser.of(name),
        cloudformation=clients.cloudformation,
        ecs=clients.ecs,
        settling=datetime.timedelta(seconds=seconds),
        paused=is_paused(),
        memory=_MEMORY,
    )
    return Rotation(Versions(clients.secretsmanager, secret_id, name), version, guard)
