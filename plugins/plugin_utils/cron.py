"""Cron expressions as Application Auto Scaling takes them, refused if nothing comes of them.

Six fields: minutes, hours, day of month, month, day of week, year. CloudFormation's tools let pass
what AWS refuses or never does, such as 31 February.

https://docs.aws.amazon.com/autoscaling/application/userguide/scheduled-scaling-using-cron-expressions.html
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-cron-expressions.html
"""

from __future__ import annotations

import calendar
import datetime
import re
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from ansible_collections.quayside.fargate.plugins.plugin_utils.errors import StackError

_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_LEAP_GAP = 8  # years between two 29 February at most: 2096, 2104
_ANY = "?"  # of the two fields of days, the one that the other decides


@dataclass(frozen=True)
class _Field:
    """One of the six fields.

    name: in messages; low, high: its numbers; words: what may stand for them, the lowest first;
    special: a pattern of what else it may be, as a whole.
    """

    name: str
    low: int
    high: int
    words: tuple[str, ...] = ()
    special: str = ""
    numbers: dict[str, int] = field(init=False)

    def __post_init__(self) -> None:
        known = {str(it): it for it in range(self.low, self.high + 1)}
        known |= {f"0{it}": it for it in range(self.low, min(self.high, 9) + 1)}
        known |= {word: self.low + at for at, word in enumerate(self.words)}
        object.__setattr__(self, "numbers", known)


_FIELDS = (
    _Field("minutes", 0, 59),
    _Field("hours", 0, 23),
    _Field("day of month", 1, 31, special=r"\?|L|([1-9]|[12][0-9]|3[01])W"),
    _Field("month", 1, 12, _MONTHS),
    _Field("day of week", 1, 7, _DAYS, special=r"\?|L|[1-7]L|([1-7]|[A-Z]{3})#[1-5]"),
    _Field("year", 1970, 2199),
)


def problem(text: str, today: datetime.date) -> str | None:
    """Return why AWS doesn't take a cron expression or never does what it says, or None.

    Args:
        text: the six fields, without `cron()` around them.
        today: the day from which on it has to happen.
    """
    fields = text.split()
    if len(fields) != len(_FIELDS):
        return (
            f"has {len(fields)} fields, and six are due: minutes, hours, day of month, month, day "
            "of week, year. Write 0 7 ? * MON-FRI * for seven o'clock on working days."
        )
    try:
        values = [_values(it, of) for it, of in zip(fields, _FIELDS, strict=True)]
    except StackError as error:
        return str(error)
    days, weekdays = fields[2], fields[4]
    if (days == _ANY) == (weekdays == _ANY):
        both = "both are ?" if days == _ANY else "neither is ?"
        return (
            f"says the day of month and the day of week, and {both}. Write ? for the one that the "
            "other decides."
        )
    if not _happens(_on(days, values[2]), values[3], values[5], today):
        return (
            "never happens: no month that it names has that day, or its years are over. Take a day "
            "that there is (L is a month's last), and * for every year."
        )
    return None


def _values(text: str, of: _Field) -> set[int]:
    """Return the numbers that a field says, all of them where something else decides."""
    everything = set(range(of.low, of.high + 1))
    if of.special and re.fullmatch(of.special, text):
        word = text.partition("#")[0]
        if "#" in text and word not in of.numbers:
            raise StackError(_unknown(word, of))
        return everything
    found: set[int] = set()
    for part in text.split(","):
        found |= everything if part == "*" else _part(part, of)
    return found


def _part(part: str, of: _Field) -> set[int]:
    """Return the numbers of one part of a list: a number, a range, or steps from a number on."""
    start, slash, step = part.partition("/")
    if slash:
        first = of.low if start == "*" else _number(start, of)
        if not re.fullmatch(r"[1-9][0-9]{0,3}", step):
            raise StackError(f"has the step '{step}' for {of.name}. Write a number of 1 or more.")
        return set(range(first, of.high + 1, int(step)))
    start, hyphen, end = part.partition("-")
    first = _number(start, of)
    if not hyphen:
        return {first}
    last = _number(end, of)
    if last < first:
        raise StackError(
            f"has {part} for {of.name}, which ends before it begins. Write its parts with a comma "
            "between them."
        )
    return set(range(first, last + 1))


def _number(word: str, of: _Field) -> int:
    if word not in of.numbers:
        raise StackError(_unknown(word, of))
    return of.numbers[word]


def _unknown(word: str, of: _Field) -> str:
    words = f" or {of.words[0]} to {of.words[-1]}" if of.words else ""
    return f"has '{word}' for {of.name}. Write {of.low} to {of.high}{words}."


def _on(text: str, days: set[int]) -> Callable[[int], bool]:
    """Return which lengths of a month have one of the days that the field says."""
    nearest = re.fullmatch(r"([0-9]+)W", text)
    if text in (_ANY, "L"):
        return lambda _length: True
    least = int(nearest[1]) if nearest else min(days)
    return lambda length: least <= length


def _happens(
    on: Callable[[int], bool], months: set[int], years: Collection[int], today: datetime.date
) -> bool:
    """Say whether a month from today on has the day."""
    return any(
        on(calendar.monthrange(year, month)[1])
        for year in range(today.year, today.year + _LEAP_GAP + 1)
        if year in years
        for month in months
        if (year, month) >= (today.year, today.month)
    )
