"""Whether a load balancer has room for a service's rule, and its host name is free."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from typing import Any

from ansible_collections.quayside.fargate.plugins.plugin_utils import aws
from ansible_collections.quayside.fargate.plugins.plugin_utils.doctor_findings import (
    Finding,
    failed,
    ok,
    warning,
)
from ansible_collections.quayside.fargate.plugins.plugin_utils.doctor_names import fits
from ansible_collections.quayside.fargate.plugins.plugin_utils.verify_candidate import Candidate

_HOST = "host-header"
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
    stands = own and before.get("ListenerArn") == listener
    if stands and before.get("HostName") == host_name:
        return [ok(_NAME, f"{host_name} is routed to the service already.")]
    client = candidate.client("elbv2")
    [asked] = candidate.together(lambda: _rules(client, listener))
    [limits] = candidate.together(lambda: _limits(client))
    # What may not be asked of the one hides nothing of the other.
    [named] = candidate.together(
        lambda: candidate.guarded(_NAME, lambda: [_host_name(candidate, client, asked.result())])
    )
    room: list[Finding] = []
    if not stands:
        room = candidate.guarded(
            _QUOTA,
            lambda: _held(_every_rule(candidate, client, listener, asked), limits.result(), own),
        )
    return [*named.result(), *room]


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


def _host_name(candidate: Candidate, client: Any, rules: _Rules) -> Finding:
    check, host_name = _NAME, candidate.values["host_name"]
    if candidate.values["takes_over"] or _has_conditions_of_its_own(candidate):
        return ok(check, f"{host_name}: the service's rule is held against the others' on its way.")
    taken = another(rules, host_name, candidate.had.get("TargetGroupFullName", ""))
    if taken is None:
        return ok(check, f"{host_name} isn't another rule's.")
    what = f"{host_name} is routed by rule {taken['Priority']} already{_whose(client, taken)}."
    take_over = "take it over from that service (service_takes_over)"
    return failed(check, what, f"Mend service_host_name, or {take_over}, or delete that rule.")


def _has_conditions_of_its_own(candidate: Candidate) -> bool:
    return "ListenerRule" in ((candidate.values["overrides"] or {}).get("Resources") or {})


def another(rules: _Rules, host_name: str, own: str) -> Mapping[str, Any] | None:
    """Return the rule that takes all requests for a host name, if it isn't the service's own.

    Args:
        rules: of the listener, as DescribeRules has them.
        host_name: in lower case.
        own: full name of the service's target group, "" if it has none.
    """
    for rule in rules:
        conditions = rule.get("Conditions") or []
        if len(conditions) != 1 or conditions[0].get("Field") != _HOST:
            continue  # a rule for some of the requests goes before, and leaves the others
        told = conditions[0]
        names = (told.get("HostHeaderConfig") or {}).get("Values") or told.get("Values") or []
        if host_name in {it.lower() for it in names} and not (own and own in _groups(rule)):
            return rule
    return None


def _groups(rule: Mapping[str, Any]) -> set[str]:
    """Return the full names of the target groups that a rule leads to."""
    return {arn.rpartition(":")[2] for arn in _group_arns(rule.get("Actions") or ())}


def _group_arns(actions: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    for action in actions:
        yield action.get("TargetGroupArn", "")
        for group in (action.get("ForwardConfig") or {}).get("TargetGroups") or ():
            yield group.get("TargetGroupArn", "")


def _whose(client: Any, rule: Mapping[str, Any]) -> str:
    """Return whose rule it is in words, as far as its tags tell."""
    try:
        described = client.describe_tags(ResourceArns=[rule.get("RuleArn", "")]).get(
            "TagDescriptions", ()
        )
    except aws.AwsError:
        return ""
    tags = {tag["Key"]: tag.get("Value") for it in described for tag in it.get("Tags", ())}
    return f", that of the service {tags[_TAG]}" if tags.get(_TAG) else ""


def _held(every: _Rules, limits: Mapping[str, int], own: str) -> list[Finding]:
    """Hold what the load balancer has against the account's quotas.

    Args:
        every: the rules of all its listeners.
        limits: by the names of DescribeAccountLimits.
        own: full name of the service's target group, "" if it has none.
    """
    groups = {arn for rule in every for arn in _group_arns(rule.get("Actions") or ())}
    has_own = bool(own) and any(arn.endswith(f":{own}") for arn in groups)
    counted = (sum(not it.get("IsDefault") for it in every), len(groups) - has_own)
    return [
        judged(words, count, limits[name])
        for (name, words), count in zip(_QUOTAS.items(), counted, strict=True)
        if limits.get(name)
    ]


def judged(quota: str, count: int, most: int) -> Finding:
    """Hold a number against its quota; the service needs one more.

    Args:
        quota: its name in Service Quotas.
        count: in use.
        most: allowed.
    """
    check, what = f"{_QUOTA}: {quota}", f"{count} of {most} in use."
    another_one = "Deploy on another load balancer (service_load_balancer)"
    if count >= most:
        to_do = f"{another_one}, ask AWS for more, or delete services."
        return failed(check, f"{what} The service's would be one more.", to_do)
    if count + 1 > most * _NEARLY:
        return warning(check, what, f"{another_one} soon, or ask AWS for more.")
    return ok(check, what)


def certificates(candidate: Candidate) -> list[Finding]:
    """Look whether the load balancer has a certificate for the host name.

    Others than those of its stack may have been added by hand, and what stands before it may have
    one: so it is a warning.
    """
    host_name = candidate.values["host_name"]
    if not candidate.values["route"] or (candidate.before or {}).get("HostName") == host_name:
        return []
    told = candidate.load_balancer_parameters()
    arns = [
        arn
        for name, value in told.items()
        if name.startswith("Certificate") or name.endswith("CertificateArns")
        for arn in value.split(",")
        if ":acm:" in arn
    ]
    names: list[str] = []
    for arn in arns:
        found = (
            candidate.client("acm").describe_certificate(CertificateArn=arn).get("Certificate")
            or {}
        )
        names += found.get("SubjectAlternativeNames") or [found.get("DomainName", "")]
    if not arns:
        return []
    if any(fits(name, host_name) for name in names):
        return [ok("certificate", f"The load balancer has one for {host_name}.")]
    what = f"The load balancer's certificates are for {', '.join(names)}, not {host_name}."
    return [warning("certificate", what, "Browsers refuse it: give the load balancer another one.")]
