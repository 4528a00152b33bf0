"""Requests are counted in one way: sent, answered, failed, and what failed first."""

from __future__ import annotations

import http.client
import time

import pytest

from local_aws.traffic import Traffic, WrongAnswerError


def test_what_is_answered_is_counted_and_handed_back() -> None:
    traffic = Traffic()
    assert traffic.send("GET /", lambda: {"id": 1}) == {"id": 1}
    assert (traffic.sent, traffic.answered, traffic.failed) == (1, 1, 0)
    assert traffic.first_failure == ""


@pytest.mark.parametrize(
    "error",
    [
        ConnectionRefusedError("refused"),
        http.client.BadStatusLine("refused"),
        ValueError("refused"),
        WrongAnswerError("refused"),
    ],
)
def test_what_fails_is_counted_and_named(error: Exception) -> None:
    def fail() -> None:
        raise error

    traffic = Traffic()
    traffic.send("GET /first", fail)
    traffic.send("GET /second", fail)
    traffic.send("GET /third", dict)
    assert (traffic.sent, traffic.answered, traffic.failed) == (3, 1, 2)
    assert traffic.first_failure == "GET /first after 0.0 s: refused"
    assert traffic.told("orders") == (
        "orders answered 1 of 3 requests as it must; "
        "GET /first after 0.0 s: refused; GET /second after 0.0 s: refused"
    )


def test_what_the_sender_did_wrong_is_no_failure_of_whom_it_asked() -> None:
    with pytest.raises(ZeroDivisionError):
        Traffic().send("GET /", lambda: 1 // 0)


def test_requests_are_sent_as_long_as_the_block_lasts() -> None:
    traffic = Traffic()
    with traffic.meanwhile(lambda: traffic.send("GET /", dict), pause=0.001):
        while traffic.sent < 10:
            time.sleep(0.001)
    sent = traffic.sent
    time.sleep(0.01)
    assert traffic.sent == sent
