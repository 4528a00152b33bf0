"""What listener rules match, and how they stand to each other."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from custom_resources.contract import listener_rules
from custom_resources.listener_priority import patterns
from custom_resources.listener_priority.conditions import Conditions
from custom_resources.shared.failure import Failure

PATTERN = st.text("ab.*?", max_size=7).map(listener_rules.normal)
TEXT = st.text("ab.", max_size=7)


def matches(pattern: str, text: str) -> bool:
    """What Elastic Load Balancing says of a pattern, by another way."""
    expression = re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")
    return re.fullmatch(expression, text) is not None


def host(*names: str) -> dict[str, Any]:
    return {"Field": "host-header", "HostHeaderConfig": {"Values": list(names)}}


def path(*paths: str) -> dict[str, Any]:
    return {"Field": "path-pattern", "PathPatternConfig": {"Values": list(paths)}}


def header(name: str, *values: str) -> dict[str, Any]:
    config = {"HttpHeaderName": name, "Values": list(values)}
    return {"Field": "http-header", "HttpHeaderConfig": config}


def method(*names: str) -> dict[str, Any]:
    return {"Field": "http-request-method", "HttpRequestMethodConfig": {"Values": list(names)}}


def query(*pairs: dict[str, str]) -> dict[str, Any]:
    return {"Field": "query-string", "QueryStringConfig": {"Values": list(pairs)}}


def source(*networks: str) -> dict[str, Any]:
    return {"Field": "source-ip", "SourceIpConfig": {"Values": list(networks)}}


def of(*conditions: dict[str, Any]) -> Conditions:
    return Conditions.of(list(conditions))


@given(pattern=st.text("ab.*?", max_size=9), text=TEXT)
def test_a_pattern_in_its_normal_form_matches_the_same(pattern: str, text: str) -> None:
    assert matches(pattern, text) == matches(listener_rules.normal(pattern), text)


@given(wide=PATTERN, narrow=PATTERN, text=TEXT)
def test_a_pattern_that_covers_another_one_matches_what_that_one_matches(
    wide: str, narrow: str, text: str
) -> None:
    if patterns.covers(wide, narrow) and matches(narrow, text):
        assert matches(wide, text)


@given(wide=PATTERN, text=TEXT)
def test_a_pattern_covers_the_texts_that_it_matches(wide: str, text: str) -> None:
    assert patterns.covers(wide, text) == matches(wide, text)


@given(one=PATTERN, other=PATTERN, text=TEXT)
def test_patterns_that_do_not_meet_match_no_text_together(one: str, other: str, text: str) -> None:
    assert patterns.meet(one, other) == patterns.meet(other, one)
    if matches(one, text) and matches(other, text):
        assert patterns.meet(one, other)


@given(wide=PATTERN, narrow=PATTERN)
@example(wide="*.example.org", narrow="?.example.org")
def test_the_pattern_that_another_one_covers_sorts_first(wide: str, narrow: str) -> None:
    if patterns.covers(wide, narrow) and not patterns.covers(narrow, wide):
        assert patterns.exactness(narrow) < patterns.exactness(wide)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (of(host("a.Example.org")), of({"Field": "host-header", "Values": ["A.example.ORG"]})),
        (of(host("a.org"), path("/x")), of(path("/x"), host("a.org"))),
        (of(host("a.org"), path("/*")), of(host("a.org"))),
        (of(host("a.org", "b.org")), of(host("b.org", "c.org"))),
        (of(host("**.org")), of(host("*.org"))),
        (of(host("a.org"), header("X-Blue", "Yes")), of(host("a.org"), header("x-blue", "yes"))),
        (of(query({"Key": "V", "Value": "2"})), of(query({"Key": "v", "Value": "2"}))),
        (of(query({"Value": "2"})), of(query({"Key": "*", "Value": "2"}))),
        (of(source("10.0.0.1/8")), of(source("10.0.0.0/8"))),
        (of(host("a.org"), source("0.0.0.0/0", "::/0")), of(host("a.org"))),
        (of(method("GET", "PUT")), of(method("PUT"))),
    ],
)
def test_rules_that_can_not_be_told_apart_collide(one: Conditions, other: Conditions) -> None:
    assert one.collides(other)
    assert other.collides(one)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (of(host("a.org")), of(host("*.org"))),
        (of(host("a.org")), of(host("a.org"), path("/x"))),
        (of(host("a.org"), path("/x")), of(host("a.org"), path("/X"))),
        (of(host("a.org"), header("x", "1")), of(host("a.org"), header("y", "1"))),
        (of(host("a.org"), method("GET")), of(host("a.org"), method("PUT"))),
        (of(host("a.org"), source("10.0.0.0/8")), of(host("a.org"), source("10.0.0.0/9"))),
        (of(query({"Key": "a", "Value": "1"})), of(query({"Key": "a", "Value": "2"}))),
    ],
)
def test_rules_that_differ_in_one_condition_do_not_collide(
    one: Conditions, other: Conditions
) -> None:
    assert not one.collides(other)
    assert not other.collides(one)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (host("a.example.org"), host("*.example.org")),
        (host("*.b.example.org"), host("*.example.org")),
        (host("*.example.org"), path("/very/long/path")),
        ((host("*.org"), path("/api/*")), (host("*.org"), path("/*/x"))),
        ((host("a.org"), path("/api")), (host("a.org"), header("x", "1"), method("GET"))),
        ((host("a.org"), header("x", "1"), method("GET")), (host("a.org"), header("x", "1"))),
        ((host("a.org"), header("x", "1")), host("a.org")),
        ((host("a.org"), source("10.0.0.0/16")), (host("a.org"), source("10.0.0.0/8"))),
        (host("a.example.org", "b.example.org"), host("a.example.org", "*.org")),
    ],
)
def test_the_more_exact_rule_sorts_first(first: Any, second: Any) -> None:
    one, two = (of(*(it if isinstance(it, tuple) else (it,))) for it in (first, second))
    assert one.exactness < two.exactness


@pytest.mark.parametrize(
    ("given", "refusal"),
    [
        ([], "no list of conditions"),
        ("host", "no list of conditions"),
        ([{"Field": "host"}], "has the field host"),
        ([host()], "no values of host-header"),
        ([header("", "x")], "http-header without a name"),
        ([source("everywhere")], "the source everywhere"),
        ([host("a.b", "c.d", "e.f"), path("/1", "/2", "/3")], "more than 5 values"),
    ],
)
def test_conditions_that_elastic_load_balancing_would_not_take_are_refused(
    given: object, refusal: str
) -> None:
    with pytest.raises(Failure, match=refusal):
        Conditions.of(given)


def test_conditions_come_back_from_their_text_and_are_told_in_words() -> None:
    conditions = of(host("A.org"), header("X-Blue", "1", "2"), source("10.1.2.3/8"))
    assert Conditions.parse(conditions.text) == conditions
    assert str(conditions) == (
        "host-header a.org, http-header x-blue: 1 or 2, source-ip 10.0.0.0/8"
    )
    assert str(of(path("/*"))) == "all requests"
