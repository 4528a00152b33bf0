"""Whether a load balancer has room for a service's rule, and its host name is free."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future
from typing import Any

from ansible_collections.quayside.fargate.custom_resources.contract import listener_rules
from ansible_collections.quayside.fargate.plugins.plugin_utils import aws, routes
from ansible_collections.quayside.fargate.plugins.plugin_utils.doctor_findings import (
    Finding,
    failed,
    ok,
    warning,
)
from ansible_collections.quayside.fargate.plugins.plugin_utils.doctor_names import fits
from ansible_collections.quayside.fargate.plugins.plugin_utils.routing_rules import host_names
from ansible_collections.quayside.fargate.plugins.plugin_utils.verify_candidate import Candidate

_NAME, _QUOTA = "host name", "quota"
_TAG = "quayside:service"
# Elastic Load Balancing API reference, DescribeAccountLimits; what each quota is called in Service
# Quotas, and whether AWS raises it (ALB user guide, "Quotas for your Application Load Balancers").
_QUOTAS = {
    "rules-per-application-load-balancer": "Rules per Application Load Balancer",
    "target-groups-per-application-load-balancer": "Target Groups per Application Load Balancer",
}
_NEARLY = 0.9  # of a quota
_Rules = Sequence[Mapping[str, Any]]


def route(candidate: Candidate) -> list[Finding]:
    """Look at the rules of the load balancer; a rule that stands as it is wanted needs no look.

    Raises: botocore's errors.
    """
    values = candidate.values
    if not values["route"]:
        return []
    listener = candidate.given_or_output("listener_arn", "ListenerArn")
    if not listener:
        return []  # the look at the platform tells why
    host_name, before = values["host_name"], candidate.before or {}
    own = candidate.had.get("TargetGroupFullName", "")
    stands = bool(own) and before.get("ListenerArn") == listener
    if stands and routes.is_as_before(values, before):
        return [ok(_NAME, f"{host_name} is routed to the service already.")]
    new_rules = (not stands) + bool(
        values["redirected_host_names"] and not (stands and before.get("RedirectedHostNames"))
    )
    client = candidate.client("elbv2")
    [asked] = candidate.together(lambda: _rules(client, listener))
    [limits] = candidate.together(lambda: _limits(client))
    # What may not be asked of the one hides nothing of the other.
    [named] = candidate.together(
        lambda: candidate.guarded(_NAME, lambda: _host_name(candidate, client, asked.result()))
    )
    room: list[Finding] = []
    if new_rules:
        every = functools.partial(_every_rule, candidate, client, listener, asked)
        more = (new_rules, 0 if stands else 1)
        room = candidate.guarded(_QUOTA, lambda: _held(every(), limits.result(), own, more))
    return [*named.result(), *room, *_redirects(values, before if stands else {})]


def _every_rule(candidate: Candidate, client: Any, listener: str, asked: Future[_Rules]) -> _Rules:
    """Return the rules of all listeners of the load balancer; `asked` are those of one."""
    others = _other_listeners(client, listener)
    more = candidate.together(*(functools.partial(_rules, client, it) for it in others))
    return [*asked.result(), *(rule for it in more for rule in it.result())]


def _listed(client: Any, operation: str, member: str, **request: Any) -> _Rules:
    pages = client.get_paginator(operation).paginate(**request)
    return [it for page in pages for it in page.get(member, ())]


def _rules(client: Any, listener: str) -> _Rules:
    return _listed(client, "describe_rules", "Rules", ListenerArn=listener)


def _limits(client: Any) -> dict[str, int]:
    listed = _listed(client, "describe_account_limits", "Limits")
    return {it.get("Name", ""): int(it.get("Max") or 0) for it in listed}


def _other_listeners(client: Any, listener: str) -> list[str]:
    balancer = listener.replace(":listener/", ":loadbalancer/").rpartition("/")[0]
    listed = _listed(client, "describe_listeners", "Listeners", LoadBalancerArn=balancer)
    arns = [it.get("ListenerArn", "") for it in listed]
    return [arn for arn in arns if arn not in ("", listener)]


def _host_name(candidate: Candidate, client: Any, rules: _Rules) -> list[Finding]:
    values, host_name = candidate.values, candidate.values["host_name"]
    if _has_conditions_of_its_own(candidate):
        its = f"{host_name}: the service's rule is held against the others' on its way."
        return [ok(_NAME, its)]
    own = [rule for rule in rules if _is_own(candidate, rule)]
    had = {choice for rule in own for choice in routes.choices_of(rule)}
    others = [rule for rule in rules if rule not in own]
    for option, conditions in (
        ("service_host_name", routes.wanted(values)),
        ("service_redirected_host_names", routes.redirected(values)),
    ):
        for choice, rule in routes.fronts(others, conditions) if conditions is not None else ():
            if choice in had:
                continue  # what its rule has, or a rule that took over from it, goes on as it is
            takes_over = values["takes_over"] if option == "service_host_name" else ""
            whose = _whose(client, rule)
            if whose is None and takes_over:
                return [_unseen(choice, rule, takes_over)]
            if whose not in (values["name"], takes_over or values["name"]):
                return [_taken(candidate, option, choice, rule["Priority"], whose or "")]
    others_name = f"that of {values['takes_over']}, or " if values["takes_over"] else ""
    return [ok(_NAME, f"{', '.join(host_names(values))} is {others_name}no other rule's.")]


def _is_own(candidate: Candidate, rule: Mapping[str, Any]) -> bool:
    """Whether a rule leads to the service's target group, or is the redirect that it had. Its tags
    say so too, but may not be seen."""
    group, before = candidate.had.get("TargetGroupFullName", ""), candidate.before or {}
    if group and group in routes.groups(rule):
        return True
    redirects = {(it.get("RedirectConfig") or {}).get("Host") for it in rule.get("Actions") or ()}
    names = before.get("RedirectedHostNames", "").split(",")
    had = routes.redirected({"redirected_host_names": [it for it in names if it]})
    return (
        had is not None
        and before.get("HostName") in redirects
        and routes.choices_of(rule) == listener_rules.choices(had)
    )


def _unseen(choice: routes.Parts, rule: Mapping[str, Any], takes_over: str) -> Finding:
    return warning(
        _NAME,
        f"{routes.shown(choice)} is routed by rule {rule['Priority']}, and its tags may not be "
        "seen.",
        "Allow elasticloadbalancing:DescribeTags, or see for yourself that it is that of "
        f"{takes_over}; the stack refuses any other's.",
    )


def _taken(
    candidate: Candidate, option: str, choice: routes.Parts, number: str, whose: str
) -> Finding:
    what = f"{routes.shown(choice)} is routed by rule {number} already"
    that = f", that of the service {whose}" if whose else ""
    ways = f"Mend {option}, or delete that rule."
    if option == "service_host_name":
        take_over = "take it over from that service (service_takes_over)"
        if candidate.values["takes_over"]:
            take_over = f"take over from that service and not {candidate.values['takes_over']}"
        ways = f"Mend {option}, or {take_over}, or delete that rule."
    return failed(_NAME, f"{what}{that}.", ways)


def _redirects(values: Mapping[str, Any], before: Mapping[str, str]) -> Iterator[Finding]:
    """Look whether a name is sent to where something answers already.

    The redirect's rule is changed before the service's own, so that a name that becomes a redirect
    is always answered; where it leads must be routed by then.

    Args:
        values: of the service's options.
        before: the parameters of its stack, none if no rule of it stands.
    """
    had, host_name = routes.names_of(before), values["host_name"]
    if host_name in had:
        return
    answered = {*had, *before.get("RedirectedHostNames", "").split(",")}
    sent = [name for name in values["redirected_host_names"] if name in answered]
    if sent:
        first, *more = had
        yield failed(
            "redirect",
            f"{' and '.join(sent)} would be sent to {host_name} before that is routed to the "
            "service.",
            f"First deploy with service_host_name: {first} and service_more_host_names: "
            f"[{', '.join([*more, host_name])}], and the redirects of before; then as now.",
        )


def _has_conditions_of_its_own(candidate: Candidate) -> bool:
    return "ListenerRule" in ((candidate.values["overrides"] or {}).get("Resources") or {})


def _whose(client: Any, rule: Mapping[str, Any]) -> str | None:
    """Return the service whose rule it is, "" for none's, None if its tags may not be seen."""
    try:
        described = client.describe_tags(ResourceArns=[rule.get("RuleArn", "")]).get(
            "TagDescriptions", ()
        )
    except aws.AwsError:
        return None
    tags = {tag["Key"]: tag.get("Value") for it in described for tag in it.get("Tags", ())}
    return str(tags.get(_TAG) or "")


def _held(
    every: _Rules, limits: Mapping[str, int], own: str, more: tuple[int, int]
) -> list[Finding]:
    """Hold what the load balancer has against the account's quotas.

    Args:
        every: the rules of all its listeners.
        limits: by the names of DescribeAccountLimits.
        own: full name of the service's target group, "" if it has none.
        more: rules and target groups that the service needs.
    """
    groups = {arn for rule in every for arn in routes.group_arns(rule.get("Actions") or ())} - {""}
    has_own = bool(own) and any(arn.endswith(f":{own}") for arn in groups)
    counted = (sum(not it.get("IsDefault") for it in every), len(groups) - has_own)
    return [
        judged(words, count, limits[name], needed)
        for (name, words), count, needed in zip(_QUOTAS.items(), counted, more, strict=True)
        if limits.get(name) and needed
    ]


def judged(quota: str, count: int, most: int, more: int = 1) -> Finding:
    """Hold a number against its quota.

    Args:
        quota: its name in Service Quotas.
        count: in use.
        most: allowed.
        more: that the service needs.
    """
    check, what = f"{_QUOTA}: {quota}", f"{count} of {most} in use."
    another_one = "Deploy on another load balancer (service_load_balancer)"
    if count + more > most:
        to_do = f"{another_one}, ask AWS for more, or delete services."
        needs = "one" if more == 1 else str(more)
        return failed(check, f"{what} The service's would be {needs} more.", to_do)
    if count + more > most * _NEARLY:
        return warning(check, what, f"{another_one} soon, or ask AWS for more.")
    return ok(check, what)


def certificates(candidate: Candidate) -> list[Finding]:
    """Look whether the load balancer has a certificate for each host name that is new.

    Others than those of its stack may have been added by hand, and what stands before it may have
    one: so it is a warning.
    """
    values, before = candidate.values, candidate.before or {}
    had = {*routes.names_of(before), *before.get("RedirectedHostNames", "").split(",")}
    new = [it for it in (*host_names(values), *values["redirected_host_names"]) if it not in had]
    if not values["route"] or not new:
        return []
    told = candidate.load_balancer_parameters()
    arns = [arn for name, arn in told.items() if "CertificateArn" in name and ":acm:" in arn]
    names: list[str] = []
    for arn in arns:
        found = (
            candidate.client("acm").describe_certificate(CertificateArn=arn).get("Certificate")
            or {}
        )
        names += found.get("SubjectAlternativeNames") or [found.get("DomainName", "")]
    if not arns:
        return []
    lacking = [host for host in new if not any(fits(name, host) for name in names)]
    if not lacking:
        return [ok("certificate", f"The load balancer has one for {', '.join(new)}.")]
    listed = " or ".join(lacking)
    what = f"The load balancer's certificates are for {', '.join(names)}, not {listed}."
    return [warning("certificate", what, "Browsers refuse it: give the load balancer another one.")]
