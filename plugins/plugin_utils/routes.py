"""What of a listener's requests a service wants, and which rule has it already.

Custom::ListenerPriority holds rules against each other as they are deployed; here they are looked
at before. Two rules can't be told apart where they have the same kinds of conditions, and a value
of each in common.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from ansible_collections.quayside.fargate.plugins.plugin_utils import mapping, parameters
from ansible_collections.quayside.fargate.plugins.plugin_utils.routing_rules import host_names

Values = Mapping[str, Any]
Rules = Sequence[Mapping[str, Any]]
# Field, and of headers the name in lower case -> the values, one of which a request must have.
Conditions = Mapping[tuple[str, str], frozenset[str]]
_HOST, _HEADER, _QUERY = "host-header", "http-header", "query-string"
_EXACT = {"path-pattern", "http-request-method"}  # these have a case
_CONFIGS = {
    _HOST: "HostHeaderConfig",
    "path-pattern": "PathPatternConfig",
    _HEADER: "HttpHeaderConfig",
    _QUERY: "QueryStringConfig",
    "http-request-method": "HttpRequestMethodConfig",
    "source-ip": "SourceIpConfig",
}
# Options that decide which requests come to the service.
_OPTIONS = (
    *("host_name", "more_host_names", "path_patterns", "header_name", "header_values"),
    *("query_parameter", "request_methods", "source_cidrs", "redirected_host_names"),
)


def wanted(values: Values) -> Conditions:
    """Return the conditions of a service's rule.

    Args:
        values: all options of the role service by their names without the role's, typed.
    """
    query = values["query_parameter"]
    given = {
        (_HOST, ""): host_names(values),
        ("path-pattern", ""): values["path_patterns"],
        (_HEADER, values["header_name"].lower()): values["header_values"],
        (_QUERY, ""): [query] if query else [],
        ("http-request-method", ""): values["request_methods"],
        ("source-ip", ""): values["source_cidrs"],
    }
    return {key: _values(key[0], them) for key, them in given.items() if them}


def redirected(values: Values) -> Conditions:
    """Return the conditions of the rule of its redirects; empty for none."""
    names = values["redirected_host_names"]
    return {(_HOST, ""): _values(_HOST, names)} if names else {}


def is_as_before(values: Values, before: Mapping[str, str]) -> bool:
    """Say whether a service wants the requests that it was deployed with.

    Args:
        values: as `wanted` takes them.
        before: the parameters of its stack.
    """
    return all(
        parameters.as_text(option, values[option]) == before.get(mapping.parameter_of(option), "")
        for option in _OPTIONS
    )


def names_of(before: Mapping[str, str]) -> list[str]:
    """Return the host names that a stack's parameters route to its service."""
    more = before.get("MoreHostNames", "")
    return [it for it in (before.get("HostName", ""), *more.split(",")) if it]


def holders(rules: Rules, conditions: Conditions, own: str) -> Iterator[Mapping[str, Any]]:
    """Yield the rules that have some of the requests, if they aren't the service's own.

    Args:
        rules: of the listener, as DescribeRules has them.
        conditions: as `wanted` returns them.
        own: full name of the service's target group, "" if it has none.
    """
    for rule in rules:
        told = dict(map(_condition, rule.get("Conditions") or ()))
        same = told.keys() == conditions.keys() and all(
            not told[key].isdisjoint(them) for key, them in conditions.items()
        )
        if same and told and not (own and own in groups(rule)):
            yield rule


def shown(conditions: Conditions, rule: Mapping[str, Any]) -> str:
    """Return in words what a service wants and a rule has."""
    told = dict(map(_condition, rule.get("Conditions") or ()))
    common = {key: sorted(them & told[key]) for key, them in conditions.items()}
    hosts = " and ".join(common.pop((_HOST, ""), []))
    rest = (
        f"{field}{f' {name}' if name else ''} {' or '.join(them)}"
        for (field, name), them in sorted(common.items())
    )
    return " with ".join(filter(None, [hosts, ", ".join(rest)]))


def groups(rule: Mapping[str, Any]) -> set[str]:
    """Return the full names of the target groups that a rule leads to."""
    return {arn.rpartition(":")[2] for arn in group_arns(rule.get("Actions") or ())}


def group_arns(actions: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Yield the target groups of a rule's actions; some are empty."""
    for action in actions:
        yield action.get("TargetGroupArn", "")
        for group in (action.get("ForwardConfig") or {}).get("TargetGroups") or ():
            yield group.get("TargetGroupArn", "")


def _condition(told: Mapping[str, Any]) -> tuple[tuple[str, str], frozenset[str]]:
    field = told.get("Field", "")
    config = told.get(_CONFIGS.get(field, "")) or {}
    values = config.get("Values") or told.get("Values") or []
    if field == _QUERY:
        values = [f"{it.get('Key', '')}={it.get('Value', '')}" for it in values]
    return (field, config.get("HttpHeaderName", "").lower()), _values(field, values)


def _values(field: str, given: Iterable[str]) -> frozenset[str]:
    return frozenset(str(it) if field in _EXACT else str(it).lower() for it in given)
