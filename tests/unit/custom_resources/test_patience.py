"""How often, and for how long, work in the database is done again."""

from __future__ import annotations

from types import SimpleNamespace
from typing import NoReturn

import psycopg2
import pytest
from psycopg2 import errorcodes, errors

from custom_resources.postgres import connection, patience
from custom_resources.postgres.connection import NoConnectionError
from custom_resources.postgres.patience import patiently

FUNCTION_SECONDS = 200.0


class Database:
    """Answers every attempt with an error, the first ones with others; time passes in pauses only.

    Args:
        lasting: what it says for ever.
        before: what it says first, one attempt after the other.
    """

    def __init__(self, lasting: psycopg2.Error, *before: psycopg2.Error) -> None:
        self._lasting = lasting
        self._before = list(before)
        self.attempts = 0
        self.seconds = 0.0

    def work(self) -> NoReturn:
        self.attempts += 1
        raise self._before.pop(0) if self._before else self._lasting

    def monotonic(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds


def tried(monkeypatch: pytest.MonkeyPatch, database: Database) -> Database:
    """Have patience with a database for the whole time of a function."""
    clock = SimpleNamespace(monotonic=database.monotonic, sleep=database.sleep)
    monkeypatch.setattr(patience, "time", clock)
    with pytest.raises(psycopg2.Error):
        patiently(database.work, until=FUNCTION_SECONDS)
    return database


def error(sqlstate: str, message: str = "") -> psycopg2.Error:
    """What psycopg2 makes of a server's answer."""
    made = errors.lookup(sqlstate)(message)
    made.__setstate__({"pgcode": sqlstate})
    assert made.pgcode == sqlstate
    return made


CONCURRENTLY = error(errorcodes.INTERNAL_ERROR, "tuple concurrently updated")
IN_THE_WAY = [CONCURRENTLY, *(error(it) for it in sorted(connection._CONTENTION))]
AWAY = [
    NoConnectionError("connection refused", None),
    NoConnectionError("too many clients", errorcodes.TOO_MANY_CONNECTIONS),
    psycopg2.OperationalError("server closed the connection unexpectedly"),
    *(error(it) for it in sorted(connection._AWAY)),
]


@pytest.mark.parametrize("lasting", IN_THE_WAY, ids=lambda it: it.pgcode)
def test_what_is_in_the_way_for_ever_is_told_after_eight_attempts_within_seconds(
    monkeypatch: pytest.MonkeyPatch, lasting: psycopg2.Error
) -> None:
    database = tried(monkeypatch, Database(lasting))

    assert database.attempts == 8
    assert database.seconds <= 18


@pytest.mark.parametrize("lasting", AWAY, ids=str)
def test_a_database_that_is_away_has_the_whole_time(
    monkeypatch: pytest.MonkeyPatch, lasting: psycopg2.Error
) -> None:
    assert tried(monkeypatch, Database(lasting)).seconds == FUNCTION_SECONDS


def test_an_absence_takes_no_attempt_from_those_who_meet_others_afterwards(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert tried(monkeypatch, Database(CONCURRENTLY, *AWAY)).attempts == len(AWAY) + 8


def test_what_does_not_pass_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    denied = Database(error(errorcodes.INSUFFICIENT_PRIVILEGE))

    assert tried(monkeypatch, denied).attempts == 1
