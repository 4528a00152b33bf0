"""What of a listener's requests a service wants, and which rule has it already.

Custom::ListenerPriority holds rules against each other as they are deployed; here they are looked
at before, in the form that both know. Two rules can't be told apart where they have a choice in
common: one value each of the same kinds of conditions.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from ansible_collections.quayside.fargate.custom_resources.contract import listener_rules
from ansible_collections.quayside.fargate.custom_resources.contract.listener_rules import (
    HEADER,
    HOST,
    METHOD,
    PATH,
    QUERY,
    SOURCE,
    Parts,
)
from ansible_collections.quayside.fargate.plugins.plugin_utils import mapping, parameters
from ansible_collections.quayside.fargate.plugins.plugin_utils.routing_rules import host_names

Values = Mapping[str, Any]
Rules = Sequence[Mapping[str, Any]]
# Options that decide which requests come to the service.
_OPTIONS = (
    *("host_name", "more_host_names", "path_patterns", "header_name", "header_values"),
    *("query_parameter", "request_methods", "source_cidrs", "redirected_host_names"),
)


def wanted(values: Values) -> Parts:
    """Return the conditions of a service's rule.

    Args:
        values: all options of the role service by their names without the role's, typed.
    """
    query = values["query_parameter"]
    given = (
        (HOST, "", host_names(values)),
        (PATH, "", values["path_patterns"]),
        (HEADER, values["header_name"], values["header_values"]),
        (QUERY, "", [query] if query else []),
        (METHOD, "", values["request_methods"]),
        (SOURCE, "", values["source_cidrs"]),
    )
    return _parts(
        {"Field": field, "HttpHeaderConfig": {"HttpHeaderName": name}, "Values": them}
        for field, name, them in given
        if them
    )


def redirected(values: Values) -> Parts | None:
    """Return the conditions of the rule of its redirects; None for none."""
    names = values["redirected_host_names"]
    return _parts([{"Field": HOST, "Values": names}]) if names else None


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


def fronts(rules: Rules, conditions: Parts) -> Iterator[tuple[Parts, Mapping[str, Any]]]:
    """Yield each choice that a rule has already, with the rule in front of those that have it.

    Args:
        rules: of the listener, as DescribeRules has them, without the service's own.
        conditions: as `wanted` returns them.
    """
    choices = listener_rules.choices(conditions)
    found: dict[Parts, Mapping[str, Any]] = {}
    for rule in sorted(filter(choices_of, rules), key=lambda it: int(it.get("Priority") or 0)):
        for choice in sorted(choices & choices_of(rule)):
            found.setdefault(choice, rule)
    yield from found.items()


def choices_of(rule: Mapping[str, Any]) -> frozenset[Parts]:
    """Return the choices of a rule; none if it can't be compared, as with a regular expression."""
    try:
        parts = _parts(rule.get("Conditions") or ())
    except listener_rules.ConditionError:
        return frozenset()
    choices: frozenset[Parts] = listener_rules.choices(parts)
    return choices


def shown(choice: Parts) -> str:
    """Return a choice in words, the host name first."""
    hosts = [value for it in choice if it.kind == HOST for value in it.values]
    rest = tuple(it for it in choice if it.kind != HOST)
    return " with ".join([*hosts, *([listener_rules.shown(rest)] if rest or not hosts else [])])


def groups(rule: Mapping[str, Any]) -> set[str]:
    """Return the full names of the target groups that a rule leads to."""
    return {arn.rpartition(":")[2] for arn in group_arns(rule.get("Actions") or ())}


def group_arns(actions: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Yield the target groups of a rule's actions; some are empty."""
    for action in actions:
        yield action.get("TargetGroupArn", "")
        for group in (action.get("ForwardConfig") or {}).get("TargetGroups") or ():
            yield group.get("TargetGroupArn", "")


def _parts(conditions: Iterable[Mapping[str, Any]]) -> Parts:
    read: Parts = listener_rules.parts(listener_rules.read([*conditions]))
    return read
