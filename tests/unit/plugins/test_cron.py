"""Cron expressions are refused if AWS doesn't take them, or if nothing comes of them."""

from __future__ import annotations

import calendar
import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.quayside.fargate.plugins.plugin_utils import cron

TODAY = datetime.date(2026, 11, 29)
MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
WEEKDAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")


def problem(text: str, today: datetime.date = TODAY) -> str | None:
    said: str | None = cron.problem(text, today)
    return said


@st.composite
def parts(draw: Any, low: int, high: int, words: tuple[str, ...] = ()) -> str:
    """One part of a field's list, as AWS's page shows them."""
    first, last = sorted(draw(st.tuples(st.integers(low, high), st.integers(low, high))))
    named = [words[it - low] if words else str(it) for it in (first, last)]
    step = draw(st.integers(1, 30))
    return str(
        draw(
            st.sampled_from(
                [named[0], "-".join(named), "*", f"{first}/{step}", f"*/{step}", f"{first:02}"]
            )
        )
    )


def fields(low: int, high: int, words: tuple[str, ...] = ()) -> st.SearchStrategy[str]:
    return st.lists(parts(low, high, words), min_size=1, max_size=3).map(",".join)


TIMES = st.tuples(fields(0, 59), fields(0, 23))


@given(
    times=TIMES,
    days=st.one_of(
        st.tuples(fields(1, 28), fields(1, 12, MONTHS), st.just("?")),
        st.tuples(st.just("?"), fields(1, 12, MONTHS), fields(1, 7, WEEKDAYS)),
        st.tuples(st.sampled_from(["L", "15W"]), fields(1, 12), st.just("?")),
        st.tuples(st.just("?"), fields(1, 12), st.sampled_from(["L", "6L", "FRI#5", "2#1"])),
    ),
)
def test_what_the_page_shows_is_taken(times: tuple[str, str], days: tuple[str, str, str]) -> None:
    assert problem(" ".join([*times, *days, "*"])) is None


def is_day(day: int, months: list[int], years: range) -> bool:
    """Whether a calendar has the day from today on, looked up day by day."""
    for year in years:
        for month in months:
            if day <= calendar.monthrange(year, month)[1] and (year, month) >= (2026, 11):
                return True
    return False


@given(
    day=st.integers(1, 31),
    months=st.lists(st.integers(1, 12), min_size=1, max_size=3),
    first=st.integers(2020, 2034),
    length=st.integers(0, 5),
)
def test_a_day_that_no_calendar_has_is_refused(
    day: int, months: list[int], first: int, length: int
) -> None:
    named = ",".join(map(str, months))
    said = problem(f"0 7 {day} {named} ? {first}-{first + length}")
    # AWS is asked again at the latest by whoever deploys in nine years.
    found = is_day(day, months, range(first, min(first + length, 2034) + 1))
    assert (said is None) is found
    assert found or (said or "").startswith("never happens")


@given(text=st.text(alphabet="0123456789*?/,-LW# MONFRI", max_size=30))
def test_it_never_breaks(text: str) -> None:
    said = problem(text)
    assert said is None or said.endswith(".")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("0 7 31 2 ? *", "never happens"),
        ("0 7 31 APR,JUN ? *", "never happens"),
        ("0 7 30W FEB ? *", "never happens"),
        ("0 7 29 2 ? 2027", "never happens"),
        ("0 7 1 * ? 2025", "never happens"),
        ("whenever", "has 1 fields, and six are due"),
        ("0 7 * * *", "has 5 fields"),  # what Unix takes
        ("60 7 * * ? *", "has '60' for minutes. Write 0 to 59."),
        ("0 24 * * ? *", "has '24' for hours"),
        ("0 7 0 * ? *", "has '0' for day of month"),
        ("0 7 * 13 ? *", "has '13' for month. Write 1 to 12 or JAN to DEC."),
        ("0 7 ? * 0 *", "has '0' for day of week. Write 1 to 7 or SUN to SAT."),
        ("0 7 ? * MUN *", "has 'MUN' for day of week"),
        ("0 7 ? * MUN#1 *", "has 'MUN' for day of week"),
        ("0 7 ? * MON#6 *", "has 'MON#6' for day of week"),
        ("0 7 ? * mon *", "has 'mon' for day of week"),
        ("0 7 * * * *", "says the day of month and the day of week, and neither is ?"),
        ("0 7 ? * ? *", "says the day of month and the day of week, and both are ?"),
        ("0 7 ? * FRI-MON *", "has FRI-MON for day of week, which ends before it begins"),
        ("*/0 7 * * ? *", "has the step '0' for minutes"),
        ("0 7 * * ? 1969", "has '1969' for year"),
        ("? 7 * * ? *", "has '?' for minutes"),
    ],
)
def test_what_aws_refuses_is_refused_with_a_sentence(text: str, said: str) -> None:
    assert (problem(text) or "taken").startswith(said)


@pytest.mark.parametrize("text", ["0 7 29 2 ? *", "0 7 29 2 ? 2104", "0 7 L 2 ? *"])
def test_a_leap_day_is_a_day(text: str) -> None:
    assert problem(text, datetime.date(2096, 3, 1)) is None
