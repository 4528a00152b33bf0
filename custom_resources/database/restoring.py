"""What restore.yml asks of the function, which CloudFormation doesn't know of.

A request is `{"quayside": "restore", "do": ..., "properties": ..., "stack_id": ..., "database":
..., "kept": ...}`: the properties are Custom::Database's. Its answer is `{"done": true}`, or
`{"refused": SENTENCE}`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from custom_resources.database.convergence import Clients, Convergence, until
from custom_resources.database.decisions import DatabaseProperties
from custom_resources.shared import log
from custom_resources.shared.failure import Failure
from custom_resources.shared.request import Context
from custom_resources.shared.sentences import place, sentence

_LOGICAL_ID = "DatabaseAndUsers"  # of Custom::Database in templates/service.yml
# PostgreSQL cuts a longer name off without a word.
_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")


def answer(event: Mapping[str, Any], context: Context) -> dict[str, Any]:
    """Do what a request asks, and say that it was done, or why not."""
    log.forget_secrets()
    try:
        _do(event, context.get_remaining_time_in_millis() / 1000)
    except Exception as error:
        reason = sentence(error)
        log.error("failed", reason=reason, at=place(error))
        return {"refused": reason}
    return {"done": True}


def _do(event: Mapping[str, Any], seconds: float) -> None:
    properties = DatabaseProperties.of(event["properties"])
    convergence = Convergence(
        properties,
        str(event["stack_id"]),
        _LOGICAL_ID,
        Clients.made(),
        until(seconds),
        limits_before=properties.limits,
    )
    match event["do"]:
        case "users":
            convergence.admit_to_copy()
        case "beside":
            convergence.make_beside(_name(event["database"]))
        case "swap":
            convergence.swap(_name(event["database"]), _name(event["kept"]))
        case "drop":
            convergence.drop_beside(_name(event["database"]))
        case other:
            raise Failure(f"The function can't {other!r}.", "Deploy support of the same version.")


def _name(given: object) -> str:
    if not _NAME.fullmatch(str(given)):
        raise Failure(
            f"{given!r} is no name of a database.", "Take a name that restore.yml has told."
        )
    return str(given)
