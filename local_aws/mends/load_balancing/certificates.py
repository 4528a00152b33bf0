"""Certificates of a listener beside its default one.

Wrong upstream: AWS::ElasticLoadBalancingV2::ListenerCertificate is missing, and so is
DescribeListenerCertificates.
Source: Elastic Load Balancing API reference, AddListenerCertificates, RemoveListenerCertificates
and DescribeListenerCertificates; user guide, "Quotas for your Application
Load Balancers" (25 beside the default one). An update of the type adds and removes what differs:
its Certificates change without interruption.
Last needed: ministack 1.5.33.
"""

from __future__ import annotations

from typing import Any

from ministack.core.responses import new_uuid
from ministack.services import acm, alb

from local_aws.mending import Mending
from local_aws.mends.cloudformation.handlers import Created, Handler, Properties
from local_aws.mends.load_balancing.refusals import RefusedError

_KEY = "MoreCertificates"  # of a listener's record, in which it is kept
_MOST = 25


def install(mending: Mending) -> None:
    """Register type and actions."""
    mending.lacking(
        "_RESOURCE_HANDLERS", "AWS::ElasticLoadBalancingV2::ListenerCertificate", handler()
    )
    mending.put(alb, "_ACTION_MAP", _describe, key="DescribeListenerCertificates")


def handler() -> Handler:
    """Return the handlers of the type."""

    def create(_: str, properties: Properties, __: str) -> Created:
        add(properties["ListenerArn"], _arns(properties))
        return f"{properties['ListenerArn']}|{new_uuid()[:8]}", {}

    def update(made: str, old: Properties, new: Properties, stack: str) -> Created:
        if old["ListenerArn"] != new["ListenerArn"]:
            return create("", new, stack)
        add(new["ListenerArn"], [it for it in _arns(new) if it not in _arns(old)])
        remove(new["ListenerArn"], [it for it in _arns(old) if it not in _arns(new)])
        return made, {}

    def delete(_: str, properties: Properties) -> None:
        remove(properties["ListenerArn"], _arns(properties))

    return {"create": create, "update": update, "delete": delete}


def add(listener_arn: str, arns: list[str]) -> None:
    """Add certificates to a listener.

    Raises:
        RefusedError: there is no such listener, it isn't encrypted, a certificate is unknown, or
            they are too many.
    """
    listener = _listener(listener_arn)
    if listener.get("Protocol") not in ("HTTPS", "TLS"):
        raise RefusedError(
            "ValidationError", "Certificates can only be added to HTTPS and TLS listeners"
        )
    for arn in arns:
        if ":acm:" in arn and acm._certificates.get(arn) is None:
            raise RefusedError("CertificateNotFound", f"Certificate '{arn}' not found")
    more = [*listener.get(_KEY, ()), *(it for it in arns if it not in listener.get(_KEY, ()))]
    if len(more) > _MOST:
        raise RefusedError(
            "TooManyCertificates",
            f"The maximum number of certificates on load balancer '{listener['LoadBalancerArn']}' "
            "has been reached",
        )
    listener[_KEY] = more


def remove(listener_arn: str, arns: list[str]) -> None:
    """Take certificates from a listener; one that is gone has none."""
    listener = alb._listeners.get(listener_arn)
    if listener:
        listener[_KEY] = [it for it in listener.get(_KEY, ()) if it not in arns]


def _listener(arn: str) -> dict[str, Any]:
    listener: dict[str, Any] | None = alb._listeners.get(arn)
    if listener is None:
        raise RefusedError("ListenerNotFound", f"Listener '{arn}' not found")
    return listener


def _arns(properties: Properties) -> list[str]:
    return [it["CertificateArn"] for it in properties.get("Certificates") or []]


def _describe(parameters: dict[str, Any]) -> Any:
    try:
        listener = _listener(alb._p(parameters, "ListenerArn"))
    except RefusedError as refusal:
        return alb._error(refusal.code, refusal.message)
    # One that is both the default and in the list is told twice, once with each value.
    told = [(arn, "true") for arn in listener.get("Certificates") or []]
    told += [(arn, "false") for arn in listener.get(_KEY, ())]
    rows = "".join(
        f"<member><CertificateArn>{arn}</CertificateArn><IsDefault>{default}</IsDefault></member>"
        for arn, default in told
    )
    return alb._xml(200, "DescribeListenerCertificates", f"<Certificates>{rows}</Certificates>")
