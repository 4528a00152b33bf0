"""Bringing the answer to CloudFormation's URL, or saying loudly that it didn't get there."""

from __future__ import annotations

import http.client
import json
import random
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from typing import Any

from custom_resources.shared import log
from custom_resources.shared.failure import Failure

_FIRST_PAUSE_SECONDS = 0.25
_LONGEST_PAUSE_SECONDS = 10.0
# A hanging connection shouldn't use up the time that a second one would need.
_ATTEMPT_SECONDS = 10.0
# Lambda ends the function at 0; the log's last line has to get out.
_RESERVED_SECONDS = 0.5
_SERVER_ERROR = 500


def deliver(url: str, body: Mapping[str, Any], seconds_left: Callable[[], float]) -> None:
    """Put the answer, again and again while the server fails or can't be reached.

    Args:
        url: `ResponseURL` of the event, signed for one answer.
        body: the answer.
        seconds_left: how long the function may still run.
    Raises:
        Failure: the URL was refused (it expired, say), which no repetition mends; or there is no
            time left. The stack hears nothing then, so that the function's alarm has to ring.

    Source: CloudFormation user guide, "Custom resource response objects"; Amazon S3 API reference,
    "Error responses" (5xx are to be repeated).
    """
    content = json.dumps(body).encode()
    attempt, pause = 1, _FIRST_PAUSE_SECONDS
    while refused := _refusal(url, content, min(_ATTEMPT_SECONDS, seconds_left())):
        reason, passing = refused
        wait = random.uniform(pause / 2, pause)  # noqa: S311 - no secret
        if not passing or seconds_left() - wait < _RESERVED_SECONDS:
            raise Failure(
                f"CloudFormation didn't take the answer {body['Status']} for the resource "
                f"{body['LogicalResourceId']}: {reason}, at attempt {attempt}.",
                "Its stack waits until the resource's ServiceTimeout and fails; deploy it again "
                "then, and see that the function reaches Amazon S3.",
            )
        log.warning("answer not taken, trying again", attempt=attempt, reason=reason)
        time.sleep(wait)
        attempt, pause = attempt + 1, min(pause * 2, _LONGEST_PAUSE_SECONDS)
    log.info("answered", status=body["Status"], attempts=attempt)


def _refusal(url: str, content: bytes, seconds: float) -> tuple[str, bool] | None:
    """Why one attempt failed, and whether another may succeed; None if it did. The URL's signature
    is in neither."""
    # The URL is signed for an empty content type.
    request = urllib.request.Request(url, content, {"Content-Type": ""}, method="PUT")  # noqa: S310 - https by CloudFormation
    try:
        with urllib.request.urlopen(request, timeout=max(seconds, _RESERVED_SECONDS)):  # noqa: S310
            return None
    except urllib.error.HTTPError as error:
        with error:
            return f"HTTP status {error.code}", error.code >= _SERVER_ERROR
    except (OSError, http.client.HTTPException) as error:
        reason = error.reason if isinstance(error, urllib.error.URLError) else error
        return f"{type(reason).__name__}: {reason}", True
