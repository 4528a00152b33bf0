"""What a listener rule asks for, in a form that is the same for all rules that ask for the same.

Custom::ListenerPriority orders rules by it, and a look before the deployment finds by it whose a
request is. Source: Elastic Load Balancing user guide, "Condition types for listener rules".
"""

from __future__ import annotations

import ipaddress
import itertools
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

HOST, PATH, HEADER = "host-header", "path-pattern", "http-header"
METHOD, QUERY, SOURCE = "http-request-method", "query-string", "source-ip"
CONFIGS = {
    HOST: "HostHeaderConfig",
    PATH: "PathPatternConfig",
    HEADER: "HttpHeaderConfig",
    METHOD: "HttpRequestMethodConfig",
    QUERY: "QueryStringConfig",
    SOURCE: "SourceIpConfig",
}
_WITHOUT_CASE = {HOST, HEADER, QUERY}
_WHATEVER = {HOST: {"*"}, PATH: {"*", "/*"}}
_ANYWHERE = {"0.0.0.0/0", "::/0"}


class ConditionError(ValueError):
    """Conditions that aren't read.

    Args:
        happened: what is wrong with them, a sentence.
        remedy: what to do, a sentence.
    """

    def __init__(self, happened: str, remedy: str) -> None:
        super().__init__(happened, remedy)
        self.happened = happened
        self.remedy = remedy


@dataclass(frozen=True, order=True)
class Condition:
    """One condition in a form that is the same for all that match the same.

    Args:
        kind: as Elastic Load Balancing names the field.
        name: of the header in lower case; empty for the other kinds.
        values: each once, sorted; of a query string as ``key=value``.
    """

    kind: str
    name: str
    values: tuple[str, ...]


Parts = tuple[Condition, ...]


def read(given: object) -> list[Condition]:
    """Read conditions as a template or DescribeRules has them, also those of every request.

    Args:
        given: a list of conditions, each with Field and values.
    Raises:
        ConditionError: naming what is wrong, such as a regular expression, which nothing can be
            compared with.
    """
    if not isinstance(given, list) or not given:
        raise ConditionError(
            "Property Conditions is no list of conditions.",
            "Give those of the listener rule, each with Field and values.",
        )
    return [_condition(each) for each in given]


def parts(conditions: Iterable[Condition]) -> Parts:
    """Return the conditions that not every request fulfils, each once, sorted."""
    return tuple(sorted({each for each in conditions if not _is_fulfilled(each)}))


def choices(of: Parts) -> frozenset[Parts]:
    """Return all ways to fulfil conditions by one value each.

    Two rules with one of them in common can't be told apart: the one in front has its requests.
    """
    each = ([Condition(it.kind, it.name, (value,)) for value in it.values] for it in of)
    return frozenset(tuple(sorted({*one})) for one in itertools.product(*each))


def shown(of: Parts) -> str:
    """Return conditions in words."""
    words = (
        f"{it.kind} {it.name and it.name + ': '}{' or '.join(it.values)}"  # a header has a name
        for it in of
    )
    return ", ".join(words) or "all requests"


def normal(pattern: str) -> str:
    """Return the shortest pattern that matches the same: ``a**?`` is ``a?*``."""
    return re.sub(r"[*?]*\*[*?]*", lambda run: "?" * run[0].count("?") + "*", pattern)


def _condition(given: object) -> Condition:
    field = given.get("Field") if isinstance(given, Mapping) else None
    if not isinstance(given, Mapping) or field not in CONFIGS:
        raise ConditionError(
            f"Property Conditions has the field {field}.", f"It must be {' or '.join(CONFIGS)}."
        )
    config = given.get(CONFIGS[field]) or given
    values = config.get("Values") or given.get("Values")
    if not isinstance(values, list) or not values:
        raise ConditionError(f"Property Conditions has no values of {field}.", "Give one or more.")
    name = str(config.get("HttpHeaderName", "")).lower()
    if field == HEADER and not name:
        raise ConditionError(
            f"Property Conditions has {field} without a name.", "Give HttpHeaderName."
        )
    return Condition(field, name, tuple(sorted({_value(field, value) for value in values})))


def _value(field: str, given: object) -> str:
    if field == QUERY and isinstance(given, Mapping):
        given = f"{given.get('Key') or '*'}={given.get('Value', '')}"
    text = str(given)
    if field == METHOD:
        return text
    if field == SOURCE:
        return _network(text)
    return normal(text.lower() if field in _WITHOUT_CASE else text)


def _network(text: str) -> str:
    try:
        return str(ipaddress.ip_network(text, strict=False))
    except ValueError:
        raise ConditionError(
            f"Property Conditions has the source {text}.", "It must be a CIDR."
        ) from None


def _is_fulfilled(condition: Condition) -> bool:
    values = set(condition.values)
    if condition.kind == SOURCE:
        return values >= _ANYWHERE
    return not values.isdisjoint(_WHATEVER.get(condition.kind, ()))
