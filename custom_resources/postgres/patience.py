"""Waiting for a database that is away: restarted, failed over, or cut off for a while."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import TypeVar

import psycopg2

from custom_resources.postgres.connection import is_contention, is_passing
from custom_resources.shared import log

_LONGEST_PAUSE_SECONDS = 3.0
# Whoever is in the way is gone by then; what still says so is there to stay.
_MOST_CONTENTIONS = 8

_Outcome = TypeVar("_Outcome")


def patiently(work: Callable[[], _Outcome], *, until: float) -> _Outcome:
    """Do work, and again from its beginning: for as long as the database is away, but a few times
    only, within seconds, where others are in the way.

    Args:
        work: may be done twice, and opens its own connections: the old ones are lost, or lead to
            a writer that has become a reader.
        until: `time.monotonic()` after which nothing is begun again. What was begun before still
            takes its own time: leave enough for a connection that times out, and for an answer.
    Returns:
        What the work returns.
    Raises:
        psycopg2.Error: what doesn't pass, or hasn't passed in time.
        Exception: any other one of the work's, at once.
    """
    attempt, contentions = 1, 0
    while True:
        try:
            return work()
        except psycopg2.Error as error:
            left = until - time.monotonic()
            contentions += is_contention(error)
            if left <= 0 or not is_passing(error) or contentions == _MOST_CONTENTIONS:
                raise
            # At random, because those who got into each other's way would meet again.
            pause = random.uniform(0, min(attempt, _LONGEST_PAUSE_SECONDS))  # noqa: S311
            reason = " ".join(str(error).split()) if error.pgcode is None else error.pgcode
            log.info("trying again", attempt=attempt, error=reason)
            time.sleep(min(pause, left))
            attempt += 1
