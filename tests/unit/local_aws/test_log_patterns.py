"""Filter patterns as the local AWS reads them; the examples are those of CloudWatch Logs' guide."""

from __future__ import annotations

import json

import pytest

from local_aws.log_patterns import MalformedPatternError, matcher

LINE = json.dumps(
    {
        "eventType": "UpdateTrail",
        "sourceIPAddress": "111.111.111.111",
        "arrayKey": ["value", "another value"],
        "objectList": [{"name": "a", "id": 1}, {"name": "b", "id": 2}],
        "SomeObject": None,
        "ThisFlag": True,
        "latency": 50.5,
    }
)


@pytest.mark.parametrize(
    ("pattern", "fits", "not_so"),
    [
        ("", "anything", None),
        ("ERROR", "[ERROR 400] BAD REQUEST", "[error 400]"),
        ("ERROR ARGUMENTS", "[ERROR 419] MISSING ARGUMENTS", "[ERROR 401] UNAUTHORIZED"),
        ('"INTERNAL SERVER ERROR"', "[500] INTERNAL SERVER ERROR", "INTERNAL ERROR SERVER"),
        ("?ERROR ?ARGUMENTS", "ARGUMENTS missing", "all is well"),
        ("ERROR -ARGUMENTS", "[ERROR 401] UNAUTHORIZED", "[ERROR 419] MISSING ARGUMENTS"),
        ('-"of all"', "one", "one of all"),
        (r'"say \"no\""', 'they say "no"', "they say no"),
        ("%[0-9]{3}%", "AUTH 401", "AUTH"),
    ],
)
def test_terms_fit_as_they_are_written(pattern: str, fits: str, not_so: str | None) -> None:
    assert matcher(pattern)(fits)
    assert not_so is None or not matcher(pattern)(not_so)


@pytest.mark.parametrize(
    ("pattern", "fits"),
    [
        ('{ $.eventType = "UpdateTrail" }', True),
        ('{ $.eventType = "updatetrail" }', False),
        ("{ $.sourceIPAddress != 123.123.* }", True),
        ('{ $.arrayKey[0] = "value" }', True),
        ("{ $.objectList[1].id = 2 }", True),
        ("{ $.latency > 50 && $.latency <= 51 }", True),
        ("{ $.latency >= 51 }", False),
        ("{ $.SomeObject IS NULL }", True),
        ("{ $.SomeOtherObject NOT EXISTS }", True),
        ("{ $.ThisFlag IS TRUE }", True),
        ('{ ($.latency < 1) || ($.eventType = "Update*") }', True),
        ('{ $.nothing = "there" }', False),
    ],
)
def test_what_json_says_fits(pattern: str, *, fits: bool) -> None:
    assert matcher(pattern)(LINE) is fits
    assert not matcher(pattern)("no JSON")


@pytest.mark.parametrize(
    "pattern",
    [
        *('""', "a.b/c", "(", "{ $.a = 1", "[ip, user", "[ip, user]", "{ }", "{ $.a }"),
        *("{ $.a > many }", "{ ($.a = 1 }", "{ $.a = 1 $.b = 2 }", "x" * 1025),
    ],
)
def test_what_is_malformed_or_unknown_here_is_refused(pattern: str) -> None:
    with pytest.raises(MalformedPatternError):
        matcher(pattern)
