"""What logs.yml asks for, what it refuses before AWS is asked, and how lines look."""

from __future__ import annotations

import datetime
import json
from typing import Any

import pytest

from ansible_collections.quayside.fargate.plugins.plugin_utils import (
    log_pattern,
    log_query,
    log_shown,
    service_log,
)
from ansible_collections.quayside.fargate.plugins.plugin_utils.errors import StackError
from ansible_collections.quayside.fargate.plugins.plugin_utils.log_query import Query
from ansible_collections.quayside.fargate.plugins.plugin_utils.service_log import Line, Reading
from ansible_collections.quayside.fargate.plugins.plugin_utils.terminal_text import harmless
from local_aws.log_patterns import MalformedPatternError, matcher

NOW = datetime.datetime(2026, 11, 29, 4, 30, tzinfo=datetime.UTC)
AT = log_query.milliseconds(NOW)
TASK = "3f2a9c1d" + "0" * 24
MINUTE = 60_000
PLAIN = {
    "tail": 100,
    "filter": "",
    "since": "1h",
    "end": "",
    "task": "",
    "follow": False,
    "follow_seconds": 600,
}


def of(**options: Any) -> Query:
    return log_query.of(PLAIN | options, NOW)


def refusal(**options: Any) -> str:
    with pytest.raises(StackError) as refused:
        of(**options)
    return str(refused.value)


@pytest.mark.parametrize(
    ("said", "ago"),
    [
        ("45s", MINUTE * 3 // 4),
        ("10m", 10 * MINUTE),
        ("2h", 120 * MINUTE),
        ("3d", 3 * 24 * 60 * MINUTE),
        ("2026-11-29T04:00:00Z", 30 * MINUTE),
        ("2026-11-29T05:00:00+01:00", 30 * MINUTE),
        ("2026-11-29 04:00", 30 * MINUTE),
        ("2026-11-29", 270 * MINUTE),
    ],
)
def test_a_moment_is_a_time_ago_or_iso_8601_of_utc(said: str, ago: int) -> None:
    assert of(since=said).since == AT - ago
    assert of(since="30d", end=said).until == AT - ago


@pytest.mark.parametrize("said", ["10", "m", "ten minutes", "10 m", "999999d", "", "-5m", "25:00"])
def test_what_says_no_time_is_refused(said: str) -> None:
    assert refusal(since=said).startswith(f"since is {said}, which says no time.")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"tail": 0}, "tail is 0."),
        ({"tail": 10_001}, "tail is 10001."),
        ({"follow_seconds": 0}, "follow_seconds is 0."),
        ({"follow": True, "end": "5m"}, "Give one of the two."),
        ({"since": "5m", "end": "10m"}, "isn't before until, 10m"),
        ({"since": "2026-11-29T05:00Z"}, "isn't before now"),
        ({"since": "2023-12-31"}, "from 2024-01-01 on"),
        ({"task": "3f2a9"}, "task is 3f2a9."),
        ({"task": "orders"}, "task is orders."),
        ({"filter": '"open'}, "isn't closed"),
    ],
)
def test_what_can_not_be_is_refused_before_aws_is_asked(
    options: dict[str, Any], words: str
) -> None:
    assert words in refusal(**options)


def test_a_task_is_known_by_its_id_the_beginning_of_it_or_its_arn() -> None:
    assert of(task="3F2A9C1D").task == "3f2a9c1d"
    assert of(task=f"arn:aws:ecs:eu-central-1:123456789012:task/shop/{TASK}").task == TASK


MALFORMED = (
    *('"', '"open', 'a "b', '""', '"a"b', "a/b", "user:7", "(x)", "%open", "x" * 1025),
    *("{ $.a = 1", "[ip, user", "{ ($.a = 1 }"),
)
FINE = (
    *("", "ERROR", "ERROR 500", '"a b"', '-"a b" c', "?ERROR ?WARN", "-DEBUG", "%a[0-9]+%"),
    *('{ $.level = "error" }', '{ ($.a = "(") && ($.b > 1) }', "a_b", r'"a \" b"', "ERR*"),
)


@pytest.mark.parametrize("pattern", MALFORMED)
def test_a_malformed_pattern_is_refused_and_aws_would_too(pattern: str) -> None:
    with pytest.raises(StackError):
        log_pattern.refuse_malformed(pattern)
    with pytest.raises(MalformedPatternError):
        matcher(pattern)


@pytest.mark.parametrize("pattern", FINE)
def test_a_pattern_that_aws_takes_is_taken(pattern: str) -> None:
    log_pattern.refuse_malformed(pattern)
    matcher(pattern)


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("Grüße, 你好\tthere", "Grüße, 你好\tthere"),
        ("\x1b[1;31mERROR\x1b[0m down", "ERROR down"),
        ("\x1b]0;title\x07", r"\x1b]0;title\x07"),
        ("\x1b[2J\x1b[3J", r"\x1b[2J\x1b[3J"),
        ("\x9b2J", r"\x9b2J"),
        ("10%\r100%", r"10%\x0d100%"),
        ("a\u202eb\u2028c", r"a\u202eb\u2028c"),
        ("gone\x08\x08\x7f", r"gone\x08\x08\x7f"),
    ],
)
def test_a_terminal_obeys_nothing_that_others_wrote(written: str, shown: str) -> None:
    assert harmless(written) == shown


def test_a_line_has_its_time_and_task_and_looks_like_no_other_ones() -> None:
    forged = "failed\n2026-11-29 04:30:00.000  11111111  all is well"
    lines = [Line(AT + 5, TASK, "app", forged, "1"), Line(AT + 6, TASK, "app", "next\n", "2")]
    assert log_shown.text(lines).split("\n") == [
        "2026-11-29 04:30:00.005  3f2a9c1d  failed",
        "                                   2026-11-29 04:30:00.000  11111111  all is well",
        "2026-11-29 04:30:00.006  3f2a9c1d  next",
    ]
    (first, _) = log_shown.json_lines(lines).split("\n")
    assert json.loads(first) == {
        "time": "2026-11-29T04:30:00.005Z",
        "task": TASK,
        "container": "app",
        "message": forged,
    }


def test_json_has_no_control_character_of_any_kind() -> None:
    shown = log_shown.json_lines([Line(AT, TASK, "app", "\x1b[2J\x9b2J\u202e\u2028", "1")])
    assert all(" " <= character <= "~" for character in shown)


def test_what_is_left_out_is_said() -> None:
    lines = [Line(AT, TASK, "app", "a", "1")]
    query = of(tail=1)
    assert log_shown.left_out(Reading(lines), query) == ""
    assert "the last 1." in log_shown.left_out(Reading(lines, has_more=True), query)
    assert "back to 2026-11-29 04:30" in log_shown.left_out(Reading(lines, unread=True), query)
    assert "without finding" in log_shown.left_out(Reading([], unread=True), query)


def test_without_a_line_it_is_said_how_many_tasks_run() -> None:
    assert log_shown.nothing("shop/orders", of(), (0, 0)) == (
        "shop/orders wrote no line since 2026-11-29 03:30:00.000 UTC; 0 of 0 tasks run. Further "
        "back: -e since=1d."
    )
    assert "that fits the filter" in log_shown.nothing("shop/orders", of(filter="x"), (1, 1))
    assert "ECS has no such service" in log_shown.nothing("shop/orders", of(), None)


def test_what_may_come_again_is_remembered_and_no_more() -> None:
    lines = [Line(AT + seconds * 1000, TASK, "app", "", str(seconds)) for seconds in (0, 40, 70)]
    assert [line.key for line in service_log.recent(lines)] == ["40", "70"]
    assert service_log.recent([]) == []


def test_a_container_beside_the_applications_is_named() -> None:
    lines = [Line(AT, TASK, "app", "a", "1"), Line(AT, TASK, "proxy\x1b", "b", "2")]
    rows = [it.split("  ")[1:] for it in log_shown.text(lines).splitlines()]
    assert rows == [["3f2a9c1d", "a"], [r"3f2a9c1d/proxy\x1b", "b"]]
    assert [log_shown.document(it)["container"] for it in lines] == ["app", "proxy\x1b"]
