"""What listener rules match, and what Elastic Load Balancing refuses in them.

Wrong upstream: host names are compared with regard to case and ``[`` stands for a set; query
strings are dropped, sources match anything; values, fields given twice and priorities aren't
checked.
Source: Elastic Load Balancing user guide, "Condition types for listener rules" and "Quotas for your
Application Load Balancers"; API reference, CreateRule, SetRulePriorities and
HostHeaderConditionConfig.
Last needed: ministack 1.5.33.
"""

from __future__ import annotations

import ipaddress
import re
from typing import Any
from xml.sax.saxutils import escape

from ministack.core.responses import get_request_client_ip
from ministack.services import alb
from ministack.services.cloudformation import provisioners

from local_aws.mending import Mending

_LOWEST, _HIGHEST = 1, 50_000
_MOST_VALUES = _MOST_WILDCARDS = 5  # accounts of before may have 6 wildcards
_LONGEST_VALUE, _LONGEST_HEADER = 128, 40
_QUERY = "query-string"
# At least one dot, and only alphabetical characters after the last one.
_HOST = re.compile(r"[A-Za-z0-9*?.-]*\.[A-Za-z]+")
_ONE_EACH = {"host-header", "path-pattern", "http-request-method", "source-ip"}

Condition = dict[str, Any]


def install(mending: Mending) -> None:
    """Install the mends of this room."""
    mending.around(alb, "_parse_conditions", _parse_conditions)
    mending.around(provisioners, "_flatten_listener_rule_conditions", _flatten_conditions)
    mending.around(alb, "_condition_xml", _condition_xml)
    mending.around(alb, "_match_condition", _match)


def problem(priority: Any, conditions: list[Condition]) -> str:
    """Why a rule isn't taken, or nothing.

    Args:
        priority: as given, a number or a string.
        conditions: as ministack keeps them.
    """
    if not (str(priority).isdigit() and _LOWEST <= int(priority) <= _HIGHEST):
        return f"Rule priority '{priority}' must be between '{_LOWEST}' and '{_HIGHEST}'"
    if not conditions:
        return "A condition must be specified"
    fields = [condition["Field"] for condition in conditions]
    twice = sorted(field for field in _ONE_EACH if fields.count(field) > 1)
    if twice:
        return f"A rule can only have one '{twice[0]}' condition"
    if sum(len(_values(condition)) for condition in conditions) > _MOST_VALUES:
        return f"A rule can only have '{_MOST_VALUES}' condition values"
    return next(filter(None, map(_problem_of, conditions)), "") or _too_wild(conditions)


def _problem_of(condition: Condition) -> str:
    field, values = condition["Field"], _texts(condition)
    if not values or not all(values):
        return f"The condition value for '{field}' can't be empty"
    long = next((it for it in values if len(it) > _LONGEST_VALUE), "")
    if long:
        return f"Condition value '{long}' can't be longer than '{_LONGEST_VALUE}' characters"
    if field == "host-header":
        return next((f"Host '{it}' isn't valid" for it in values if not _HOST.fullmatch(it)), "")
    if field == "http-header":
        name = str((condition.get("HttpHeaderConfig") or {}).get("HttpHeaderName", ""))
        if not name or len(name) > _LONGEST_HEADER or name.lower() == "host":
            return f"The header name '{name}' isn't valid"
    if field == "source-ip":
        return next((f"CIDR '{it}' isn't valid" for it in values if not _is_network(it)), "")
    return ""


def _too_wild(conditions: list[Condition]) -> str:
    wild = {"host-header", "path-pattern", "http-header", _QUERY}
    texts = "".join(text for it in conditions if it["Field"] in wild for text in _texts(it))
    if sum(map(texts.count, "*?")) > _MOST_WILDCARDS:
        return f"A rule can only have '{_MOST_WILDCARDS}' condition wildcards"
    return ""


def _texts(condition: Condition) -> list[str]:
    return [
        "".join(map(str, it.values())) if isinstance(it, dict) else str(it)
        for it in _values(condition)
    ]


def _is_network(text: str) -> bool:
    try:
        ipaddress.ip_network(text)
    except ValueError:
        return False
    return "/" in text


def matches(pattern: str, text: str) -> bool:
    """Whether a pattern with ``*`` and ``?`` matches a text, without regard to case."""
    return _fits(pattern.lower(), text.lower())


def _fits(pattern: str, text: str) -> bool:
    expression = re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")
    return re.fullmatch(expression, text, re.DOTALL) is not None


def _values(condition: Condition) -> list[Any]:
    config = condition.get("QueryStringConfig") or condition.get("HttpHeaderConfig") or condition
    return list(config.get("Values") or [])


def _parse_conditions(upstream: Any, parameters: dict[str, Any], prefix: str = "Conditions") -> Any:
    conditions = upstream(parameters, prefix)
    for number, condition in enumerate(conditions, start=1):
        if condition["Field"] == _QUERY:
            base = f"{prefix}.member.{number}.QueryStringConfig.Values.member."
            condition["QueryStringConfig"] = {"Values": _pairs(parameters, base)}
    return conditions


def _flatten_conditions(upstream: Any, given: Any) -> Any:
    conditions = upstream(given)
    for condition, raw in zip(conditions, given or [], strict=True):
        if condition["Field"] == _QUERY:
            values = (raw.get("QueryStringConfig") or {}).get("Values") or []
            condition |= {"Values": [], "QueryStringConfig": {"Values": values}}
    return conditions


def _condition_xml(upstream: Any, condition: Condition) -> str:
    text: str = upstream(condition)
    if condition["Field"] != _QUERY:
        return text
    pairs = "".join(f"<member>{_pair_xml(pair)}</member>" for pair in _values(condition))
    config = f"<QueryStringConfig><Values>{pairs}</Values></QueryStringConfig>"
    return text.removesuffix("</member>") + config + "</member>"


def _pair_xml(pair: dict[str, str]) -> str:
    return "".join(f"<{key}>{escape(str(value))}</{key}>" for key, value in pair.items())


def _pairs(parameters: dict[str, Any], base: str) -> list[dict[str, str]]:
    pairs: list[dict[str, str]] = []
    while True:
        place = f"{base}{len(pairs) + 1}."
        pair = {key: alb._p(parameters, place + key) for key in ("Key", "Value")}
        if not any(pair.values()):
            return pairs
        pairs.append({key: value for key, value in pair.items() if value})


def _match(  # noqa: PLR0917 - as upstream
    upstream: Any,
    condition: Condition,
    method: str,
    path: str,
    headers: dict[str, str],
    query: Any,
) -> bool:
    field, values = condition.get("Field"), _values(condition)
    if field == "host-header":
        host = headers.get("host", "").rsplit(":", 1)[0]
        return any(matches(value, host) for value in values)
    if field == "path-pattern":
        return any(_fits(value, path) for value in values)
    if field == _QUERY:
        return any(_asked_for(pair, query) for pair in values)
    if field == "source-ip":
        return _is_from(get_request_client_ip(), values)
    return bool(upstream(condition, method, path, headers, query))


def _asked_for(pair: dict[str, str], query: Any) -> bool:
    given = (
        (key, value)
        for key, values in query.items()
        for value in (values if isinstance(values, list) else [values])
    )
    return any(
        matches(pair.get("Key") or "*", key) and matches(pair.get("Value", ""), value)
        for key, value in given
    )


def _is_from(address: str | None, networks: list[str]) -> bool:
    if not address:
        return False
    return any(
        ipaddress.ip_address(address) in ipaddress.ip_network(network, strict=False)
        for network in networks
    )
