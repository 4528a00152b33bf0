"""What a listener rule matches, and how it stands to another one. No calls.

A rule matches a request that fulfils each of its conditions; a condition is fulfilled by one of its
values. Source: Elastic Load Balancing user guide, "Condition types for listener rules".
"""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

from custom_resources.contract import listener_rules
from custom_resources.contract.listener_rules import HOST, METHOD, PATH, SOURCE, Condition
from custom_resources.listener_priority import patterns
from custom_resources.shared.failure import Failure

# Quotas for your Application Load Balancers: condition values per rule.
_MOST_VALUES = 5
_REMEMBERED = 1_000  # rules: a race that is lost reads all of them again

Key = tuple[Any, ...]


@dataclass(frozen=True)
class Conditions:
    """All conditions of a rule; those that every request fulfils are left out.

    Args:
        parts: each once, sorted.
    """

    parts: tuple[Condition, ...]

    @classmethod
    def of(cls, given: object) -> Conditions:
        """Read conditions as a template or DescribeRules has them.

        Raises:
            Failure: naming what is wrong.
        """
        try:
            read = listener_rules.read(given)
        except listener_rules.ConditionError as error:
            raise Failure(error.happened, error.remedy) from None
        if sum(len(condition.values) for condition in read) > _MOST_VALUES:
            raise Failure(
                f"Property Conditions has more than {_MOST_VALUES} values.",
                "Elastic Load Balancing takes no more in a rule; make two.",
            )
        return cls(listener_rules.parts(read))

    @cached_property
    def text(self) -> str:
        """The conditions as JSON, for `parse`."""
        return json.dumps([[each.kind, each.name, each.values] for each in self.parts])

    @staticmethod
    @lru_cache(_REMEMBERED)
    def parse(text: str) -> Conditions:
        """The conditions that `text` came from."""
        parts = (Condition(kind, name, tuple(of)) for kind, name, of in json.loads(text))
        return Conditions(tuple(parts))

    def __str__(self) -> str:
        """The conditions in words."""
        return listener_rules.shown(self.parts)

    @cached_property
    def choices(self) -> frozenset[Conditions]:
        """All ways to fulfil them by one value each."""
        return frozenset(Conditions(it) for it in listener_rules.choices(self.parts))

    def of_kind(self, kind: str, name: str = "") -> Iterator[Condition]:
        """The conditions of a kind, and of a header's name."""
        return (each for each in self.parts if (each.kind, each.name) == (kind, name))

    def collides(self, other: Conditions) -> bool:
        """Whether the two can't be told apart for one of their values each."""
        return not self.choices.isdisjoint(other.choices)

    def overlaps(self, other: Conditions) -> bool:
        """Whether a request may fulfil both, going by host and path; what else there is doesn't
        count, so that rules of one host and path are in one line, and a new one finds its place."""
        return all(
            any(patterns.meet(mine, theirs) for mine in one.values for theirs in two.values)
            for kind in (HOST, PATH)
            for one in self.of_kind(kind)
            for two in other.of_kind(kind)
        )

    def covers(self, other: Conditions) -> bool:
        """Whether every request that fulfils the other's fulfils these too."""
        return all(
            any(_narrower(theirs, mine) for theirs in other.of_kind(mine.kind, mine.name))
            for mine in self.parts
        )

    @cached_property
    def exactness(self) -> Key:
        """A key that sorts the more exact rule first, and no two rules the same.

        The host decides: exact before wildcard, the longer wildcard first. Then the longer path,
        then more conditions, then fewer wildcards, then the longer values of the others. What is
        left is sorted by its text, so that the order is the same whatever was deployed first.
        """
        rest = [each for each in self.parts if each.kind not in (HOST, PATH)]
        host = self._least_exact(HOST, lambda it: (0,) if patterns.is_exact(it) else (1, *_key(it)))
        path = self._least_exact(PATH, lambda it: (0, *_key(it)))
        return (
            host[:2],
            path[:2],
            -len(self.parts),
            host[2:],
            path[2:],
            sum(max(_length(each.kind, it) for it in each.values) for each in rest),
            self.text,
        )

    def _least_exact(self, kind: str, key: Callable[[str], Key]) -> Key:
        (condition, *_) = [*self.of_kind(kind), None]
        return max(key(value) for value in condition.values) if condition else (2,)


def _narrower(theirs: Condition, mine: Condition) -> bool:
    return all(
        any(_covers(mine.kind, wide, narrow) for wide in mine.values) for narrow in theirs.values
    )


def _covers(kind: str, wide: str, narrow: str) -> bool:
    if kind == SOURCE:
        outer, inner = ipaddress.ip_network(wide), ipaddress.ip_network(narrow)
        return outer.version == inner.version and inner.subnet_of(outer)  # type: ignore[arg-type]
    return wide == narrow if kind == METHOD else patterns.covers(wide, narrow)


def _key(pattern: str) -> Key:
    return patterns.exactness(pattern)


def _length(kind: str, value: str) -> int:
    """Below zero: the longer one sorts first."""
    if kind == SOURCE:
        return -ipaddress.ip_network(value).prefixlen
    return 0 if kind == METHOD else patterns.exactness(value)[0]
