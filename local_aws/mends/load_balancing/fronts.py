"""Which load balancer a host name leads to. No mend: here is no DNS."""

from __future__ import annotations

from typing import Any

from ministack.services import alb

from local_aws.mends.load_balancing import rules


def load_balancer_for(host: str) -> str | None:
    """Return the name of the load balancer that has a rule for `host`, else of the oldest one.

    Args:
        host: a Host header, with or without a port.
    """
    name = host.rsplit(":", 1)[0].lower()
    balancers = {balancer["LoadBalancerArn"]: balancer for _, balancer in alb._lbs.all_items()}
    for balancer in balancers.values():
        if balancer["DNSName"].lower() == name:
            return str(balancer["LoadBalancerName"])
    routed = ((own, rule) for _, rule in alb._rules.all_items() for own in _hosts(rule))
    # Of several load balancers DNS knows the one; here the most exact rule does.
    for own, rule in sorted(routed, key=lambda it: ("*" in it[0], -len(it[0]))):
        if rules.matches(own, name):
            listener = alb._listeners.get(rule["ListenerArn"]) or {}
            balancer = balancers.get(listener.get("LoadBalancerArn", ""))
            if balancer:
                return str(balancer["LoadBalancerName"])
    return next((str(b["LoadBalancerName"]) for b in balancers.values()), None)


def _hosts(rule: dict[str, Any]) -> set[str]:
    return {
        str(value).lower()
        for condition in rule.get("Conditions", [])
        if condition.get("Field") == "host-header"
        for value in condition.get("Values") or []
    }
