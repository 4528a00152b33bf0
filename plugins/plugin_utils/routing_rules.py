"""Values of a service's route that Elastic Load Balancing doesn't take, or that lead nowhere.

Sources: Elastic Load Balancing user guide, "Condition types for listener rules", "Transforms for
listener rules", "Target group health checks" and "Quotas for your Application Load Balancers"; API
reference, RedirectActionConfig. The first page also speaks of three values of one condition, which
nobody saw AWS hold (docs/first-account.md).
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Mapping
from typing import Any

Values = Mapping[str, Any]
# Of a rule, in all its conditions; AWS raises neither. An account of before may have six wildcards.
MOST_VALUES = MOST_WILDCARDS = 5
# Options each of whose values is one of the rule's.
_LISTS = ("path_patterns", "header_values", "request_methods", "source_cidrs")
# Regular expressions of rules have no lookarounds, backreferences, atomic groups, possessive
# quantifiers, subroutines, recursion, nor classes of Unicode.
_LACKS = re.compile(r"\(\?(=|!|<=|<!|>|R\)|&|\d)|\\[1-9k]|\\[pP]\{|[*+?}]\+")


def problems(values: Values) -> Iterator[str]:
    """Yield what is wrong with how requests come to a service, one line each.

    Args:
        values: all options of the role service by their names without the role's, typed.
    """
    yield from _health_check(values)
    yield from _stickiness(values)
    yield from _conditions(values)
    yield from _redirects(values)
    for option in ("host_rewrite", "url_rewrite"):
        yield from _rewrite(values, option)


def host_names(values: Values) -> list[str]:
    """Return the host names that are routed to a service."""
    return [it for it in (values["host_name"], *values["more_host_names"]) if it]


def _health_check(values: Values) -> Iterator[str]:
    interval, timeout = (values[f"health_check_{it}_seconds"] for it in ("interval", "timeout"))
    if interval <= timeout:
        yield (
            f"service_health_check_timeout_seconds is {timeout}, and "
            f"service_health_check_interval_seconds {interval}: a check must end before the next "
            "begins. Give a shorter time-out, or a longer interval."
        )
    for codes in values["health_check_codes"]:
        first, last = (str(codes).split("-") * 2)[:2]
        if int(first) > int(last):
            yield f"service_health_check_codes: {codes} begins after its end. Write {last}-{first}."


def _stickiness(values: Values) -> Iterator[str]:
    if values["stickiness"] == "app_cookie" and not values["stickiness_cookie_name"]:
        yield (
            "service_stickiness is app_cookie, and service_stickiness_cookie_name is empty. Name "
            "the application's cookie, or take lb_cookie."
        )


def _conditions(values: Values) -> Iterator[str]:
    hosts = host_names(values)
    yield from _names(values, "more_host_names")
    if bool(values["header_name"]) != bool(values["header_values"]):
        yield (
            "service_header_name and service_header_values go together. Give both, or leave both "
            "out."
        )
    for cidr in values["source_cidrs"]:
        try:
            ipaddress.ip_network(cidr)
        except ValueError as error:
            yield f"service_source_cidrs: {cidr} is no CIDR block ({error}). Mend it."
    texts = {"host_name and service_more_host_names": hosts}
    texts |= {it: values[it] for it in _LISTS}
    texts["query_parameter"] = [it for it in (values["query_parameter"],) if it]
    count, shown = _count({it: len(them) for it, them in texts.items()})
    if count > MOST_VALUES:
        yield (
            f"The service's rule has {count} values ({shown}), and Elastic Load Balancing takes "
            f"{MOST_VALUES}. Name fewer, or put a pattern such as *.example.com in place of some."
        )
    count, shown = _count({it: sum(map("".join(them).count, "*?")) for it, them in texts.items()})
    if count > MOST_WILDCARDS:
        yield (
            f"The service's rule has {count} wildcards ({shown}), and Elastic Load Balancing takes "
            f"{MOST_WILDCARDS} of * and ? together. Write some values out, or take one * for more "
            "of a path."
        )


def _count(counted: Mapping[str, int]) -> tuple[int, str]:
    shown = ", ".join(f"{many} of service_{it}" for it, many in counted.items() if many)
    return sum(counted.values()), shown


def _names(values: Values, option: str) -> Iterator[str]:
    names = values[option]
    for name in sorted({it for it in names if names.count(it) > 1}):
        yield f"service_{option} has {name} twice. Write it once."
    if option == "more_host_names" and values["host_name"] in names:
        yield f"service_more_host_names has {values['host_name']}, which is service_host_name."


def _redirects(values: Values) -> Iterator[str]:
    redirected = values["redirected_host_names"]
    if not redirected:
        return
    yield from _names(values, "redirected_host_names")
    if len(redirected) > MOST_VALUES:
        yield (
            f"service_redirected_host_names has {len(redirected)} names, and Elastic Load "
            f"Balancing takes {MOST_VALUES} in a rule. Name fewer, or a pattern."
        )
    if "*" in values["host_name"]:
        yield (
            f"service_redirected_host_names: {values['host_name']} (service_host_name) is a "
            "pattern, to which nobody can be sent. Name a host there, and the pattern under "
            "service_more_host_names."
        )
    yield from _loops(values)
    for name in host_names(values):
        if name in redirected:
            yield (
                f"service_redirected_host_names: {name} is routed to the service itself. Take it "
                "out of one of them."
            )


def _loops(values: Values) -> Iterator[str]:
    """Yield what sends requests to the name that they are for.

    A pattern has the service's own name too: what the rule of that name doesn't take is sent there
    again, and again.
    """
    narrowed = [it for it in (*_LISTS, "query_parameter") if values[it]]
    name = values["host_name"]
    for pattern in values["redirected_host_names"]:
        if narrowed and "*" in pattern and name.endswith(pattern.lstrip("*")):
            yield (
                f"service_redirected_host_names: {pattern} is {name} (service_host_name) too, "
                f"whose requests without service_{narrowed[0]} would be sent to themselves. "
                "Name the hosts, or redirect in a service that has all of the name."
            )


def _rewrite(values: Values, option: str) -> Iterator[str]:
    pattern, replacement = values[f"{option}_pattern"], values[f"{option}_replacement"]
    names = f"service_{option}_pattern and service_{option}_replacement"
    if bool(pattern) != bool(replacement):
        yield f"{names} go together. Give both, or leave both out."
    elif pattern:
        yield from _regex(f"service_{option}_pattern", pattern, replacement)


def _regex(name: str, pattern: str, replacement: str) -> Iterator[str]:
    lacking = _LACKS.search(re.sub(r"\\[^1-9kpP]", "_", pattern))  # \+ is a plus
    if lacking:
        yield (
            f"{name}: {lacking[0]} of {pattern} isn't known to Elastic Load Balancing, whose "
            "expressions have no lookarounds, backreferences, atomic groups, possessive "
            "quantifiers or \\p classes. Write it without."
        )
        return
    try:
        groups = re.compile(re.sub(r"\(\?<(?=[A-Za-z])", "(?P<", pattern)).groups
    except re.error as error:
        yield f"{name}: {pattern} is no regular expression ({error}). Mend it."
        return
    for number in re.findall(r"\$([0-9]+)", replacement):
        if int(number) > groups:
            yield (
                f"{name.replace('_pattern', '_replacement')}: ${number} of {replacement} is no "
                f"group of {pattern}, which has {groups}. Mend one of them."
            )
